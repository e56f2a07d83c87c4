#include "actors/name_server/name_server_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::actors {

namespace {

constexpr std::array<std::string_view, 4> black_list{"configBlackList", "configStorePath", "kvConfigPath", "rocketmqHome"};

std::string text_of(bool value) {
    return value ? "true" : "false";
}

bool set_boolean(bool& target, std::string_view value) {
    if (value != "true" && value != "false")
        return false;
    target = value == "true";
    return true;
}

bool set_interval(std::chrono::milliseconds& target, std::string_view value) {
    constexpr std::int64_t min = 100;
    constexpr std::int64_t max = 600'000;
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (problem != std::errc{} || end != value.data() + value.size() || number < min || number > max)
        return false;
    target = std::chrono::milliseconds{number};
    return true;
}

/// A key whose value takes effect as soon as it is set.
struct changeable {
    std::string_view key;
    const char* allowed;
    bool (*set)(name_server_options& options, std::string_view value); ///< false: the value is not allowed
};

constexpr std::array<changeable, 3> changeables{{
    {"orderMessageEnable", "true, false",
     [](name_server_options& options, std::string_view value) { return set_boolean(options.order_messages, value); }},
    {"returnOrderTopicConfigToBroker", "true, false",
     [](name_server_options& options, std::string_view value) { return set_boolean(options.return_order_topics, value); }},
    {"scanNotActiveBrokerInterval", "100 to 600000 (milliseconds)",
     [](name_server_options& options, std::string_view value) { return set_interval(options.scan_interval, value); }},
}};

std::string shown(std::string_view text) {
    constexpr std::size_t shown_bytes_max = 80;
    return std::string{text.substr(0, shown_bytes_max)} + (text.size() > shown_bytes_max ? "..." : "");
}

} // namespace

protocol::config_values describe_config(const name_server_options& options) {
    protocol::config_values values{
        {"clusterTest", "false"},
        {"configBlackList", "configBlackList;configStorePath;kvConfigPath"},
        {"deleteTopicWithBrokerRegistration", "false"},
        {"enableAllTopicList", "true"},
        {"enableControllerInNamesrv", "false"},
        {"enableTopicList", "true"},
        {"kvConfigPath", options.kv_config_path},
        {"needWaitForService", "false"},
        {"notifyMinBrokerIdChanged", "false"},
        {"orderMessageEnable", text_of(options.order_messages)},
        {"returnOrderTopicConfigToBroker", text_of(options.return_order_topics)},
        {"scanNotActiveBrokerInterval", std::to_string(options.scan_interval.count())},
        {"supportActingMaster", "false"},
    };
    if (options.listen_port != 0)
        values["listenPort"] = std::to_string(options.listen_port);
    return values;
}

result<name_server_options> change_config(name_server_options options, const protocol::config_values& changes) {
    const auto now = describe_config(options);
    for (const auto& [key, value] : changes) {
        if (std::find(black_list.begin(), black_list.end(), key) != black_list.end())
            return error{errc::not_permitted, "nobody may change " + key + " of a running name server"};
        if (const auto present = now.find(key); present != now.end() && present->second == value)
            continue;
        const auto* known =
            std::find_if(changeables.begin(), changeables.end(), [k = std::string_view{key}](const auto& one) { return one.key == k; });
        if (known == changeables.end() && now.contains(key))
            return error{errc::argument_illegal,
                         key + " cannot change while the name server runs; set it in the configuration file, if there is such an option, "
                               "and restart it"};
        if (known == changeables.end()) {
            std::string keys;
            for (const auto& one : changeables)
                (keys += keys.empty() ? "" : ", ") += one.key;
            return error{errc::argument_illegal, "there is no setting " + shown(key) + " here; these can change: " + keys};
        }
        if (!known->set(options, value))
            return error{errc::argument_illegal, key + " cannot be \"" + shown(value) + "\"; allowed: " + known->allowed};
    }
    return options;
}

} // namespace troupe::actors
