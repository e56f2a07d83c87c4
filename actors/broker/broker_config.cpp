#include "actors/broker/broker_config.hpp"

#include "actors/schedule/delayed_message.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <thread>

namespace troupe::actors {

namespace {

constexpr std::array<std::string_view, 3> black_list{"configBlackList", "brokerConfigPath", "rocketmqHome"};

std::string text_of(bool value) {
    return value ? "true" : "false";
}

/// A key whose value takes effect as soon as it is set.
struct changeable {
    std::string_view key;
    const char* allowed;
    bool (*set)(broker_options& options, std::string_view value); ///< false: the value is not allowed
};

template <class Number>
bool set_number(Number& target, std::string_view value, std::int64_t min, std::int64_t max) {
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (problem != std::errc{} || end != value.data() + value.size() || number < min || number > max)
        return false;
    target = static_cast<Number>(number);
    return true;
}

bool set_boolean(bool& target, std::string_view value) {
    if (value != "true" && value != "false")
        return false;
    target = value == "true";
    return true;
}

/// What a part of the broker took when it was made (request deadline, intervals of rounds) cannot be here as it is: the part keeps its own.
constexpr std::array<changeable, 7> changeables{{
    {"autoCreateSubscriptionGroup", "true, false",
     [](broker_options& options, std::string_view value) { return set_boolean(options.auto_create_groups, value); }},
    {"autoCreateTopicEnable", "true, false",
     [](broker_options& options, std::string_view value) { return set_boolean(options.auto_create_topics, value); }},
    {"brokerPermission", "0 (none), 2 (write), 4 (read), 6 (both)",
     [](broker_options& options, std::string_view value) {
         std::int32_t perm = 0;
         if (!set_number(perm, value, 0, permission::read_write) || (perm & ~permission::read_write) != 0)
             return false;
         options.perm = perm;
         return true;
     }},
    {"defaultTopicQueueNums", "1 to 1024",
     [](broker_options& options, std::string_view value) {
         return set_number(options.default_topic_queues, value, 1, limits::queues_per_topic_max);
     }},
    {"enablePropertyFilter", "true, false",
     [](broker_options& options, std::string_view value) { return set_boolean(options.property_filter, value); }},
    {"maxTransferBytesOnMessageInMemory", "4096 to 15728640",
     [](broker_options& options, std::string_view value) { return set_number(options.bytes_per_pull_max, value, 4 << 10, 15 << 20); }},
    {"maxTransferCountOnMessageInMemory", "1 to 65536",
     [](broker_options& options, std::string_view value) { return set_number(options.messages_per_pull_max, value, 1, 65'536); }},
}};

std::string shown(std::string_view text) {
    constexpr std::size_t shown_bytes_max = 80;
    return std::string{text.substr(0, shown_bytes_max)} + (text.size() > shown_bytes_max ? "..." : "");
}

} // namespace

protocol::config_values describe_config(const broker_options& options) {
    const auto& store = options.store;
    const auto address = protocol::to_string(options.store_host);
    const auto colon = std::min(address.rfind(':'), address.size());
    const auto hours = std::chrono::duration_cast<std::chrono::hours>(store.retention_age).count();
    const bool is_sync = store.flush == storage::flush_mode::sync;
    return {
        // who
        {"brokerClusterName", options.cluster},
        {"brokerName", options.broker_name},
        {"brokerId", to_string(options.id)},
        {"brokerRole", "ASYNC_MASTER"},
        {"brokerIP1", address.substr(0, colon)},
        {"listenPort", address.substr(std::min(colon + 1, address.size()))},
        {"regionId", options.region},
        // what it allows
        {"brokerPermission", std::to_string(options.perm)},
        {"autoCreateTopicEnable", text_of(options.auto_create_topics)},
        {"autoCreateSubscriptionGroup", text_of(options.auto_create_groups)},
        {"defaultTopicQueueNums", std::to_string(options.default_topic_queues)},
        {"maxMessageSize", std::to_string(limits::body_bytes_max)},
        {"maxTransferBytesOnMessageInMemory", std::to_string(options.bytes_per_pull_max)},
        {"maxTransferCountOnMessageInMemory", std::to_string(options.messages_per_pull_max)},
        {"messageDelayLevel", format_delay_levels(options.delay_levels)},
        {"transactionTimeOut", std::to_string(options.transactions.timeout.count())},
        {"transactionCheckInterval", std::to_string(options.transactions.interval.count())},
        {"transactionCheckMax", std::to_string(options.transactions.checks_max)},
        {"rejectTransactionMessage", text_of(options.transactions_pending_max == 0)},
        {"timerWheelEnable", "true"},
        {"timerPrecisionMs", "1"},
        {"timerMaxDelaySec", std::to_string(std::chrono::duration_cast<std::chrono::seconds>(options.timer_horizon).count())},
        {"recallMessageEnable", text_of(options.recall_messages)},
        {"longPollingEnable", "true"},
        {"channelExpiredTimeout", std::to_string(options.client_expire.count())},
        {"enablePropertyFilter", text_of(options.property_filter)},
        {"slaveReadEnable", "false"},
        {"filterServerNums", "0"},
        {"traceOn", "true"},
        {"traceTopicEnable", text_of(options.trace_topic)},
        {"msgTraceTopicName", topic_of_traces().name},
        {"useTLS", "false"},
        {"clientCallbackExecutorThreads", std::to_string(std::max(1u, std::thread::hardware_concurrency()))},
        // where and how it stores
        {"storePathRootDir", store.directory.string()},
        {"storePathCommitLog", (store.directory / "commitlog").string()},
        {"mappedFileSizeCommitLog", std::to_string(store.segment_bytes)},
        {"flushDiskType", is_sync ? "SYNC_FLUSH" : "ASYNC_FLUSH"},
        {"flushIntervalCommitLog", std::to_string(options.flush_interval.count())},
        {"fileReservedTime", std::to_string(hours)},
        {"diskMaxUsedSpaceRatio", std::to_string(std::lround(store.disk_clean_ratio * 100))},
        {"cleanResourceInterval", std::to_string(options.retain_interval.count())},
    };
}

result<broker_options> change_config(broker_options options, const protocol::config_values& changes) {
    const auto now = describe_config(options);
    for (const auto& [key, value] : changes) {
        if (std::find(black_list.begin(), black_list.end(), key) != black_list.end())
            return error{errc::not_permitted, "nobody may change " + key + " of a running broker"};
        if (const auto present = now.find(key); present != now.end() && present->second == value)
            continue;
        const auto* known =
            std::find_if(changeables.begin(), changeables.end(), [k = std::string_view{key}](const auto& one) { return one.key == k; });
        if (known == changeables.end() && now.contains(key))
            return error{errc::argument_illegal,
                         key + " cannot change while the broker runs; set it in the configuration file and restart the broker"};
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

topic_config template_topic(const broker_options& options) {
    topic_config topic;
    topic.name = "TBW102";
    topic.read_queues = topic.write_queues = options.default_topic_queues;
    topic.perm = permission::read_write | permission::inherit;
    return topic;
}

topic_config reply_topic(const broker_options& options) {
    topic_config topic;
    topic.name = options.cluster + "_REPLY_TOPIC";
    topic.read_queues = topic.write_queues = 1;
    return topic;
}

topic_config topic_of_traces() {
    topic_config topic;
    topic.name = "RMQ_SYS_TRACE_TOPIC";
    topic.read_queues = topic.write_queues = 1;
    return topic;
}

bool is_own_topic(const broker_options& options, std::string_view topic) {
    return is_system_topic(topic) || topic == options.cluster || topic == options.broker_name || topic == reply_topic(options).name;
}

} // namespace troupe::actors
