#include "protocol/vocabulary/names.hpp"

#include "protocol/vocabulary/limits.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace troupe {

namespace {

constexpr std::string_view retry_prefix = "%RETRY%";
constexpr std::string_view dead_letter_prefix = "%DLQ%";

constexpr std::array<std::string_view, 6> system_topics{"TBW102",          "SCHEDULE_TOPIC_XXXX", "TRANS_CHECK_MAX_TIME_TOPIC",
                                                        "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT",  "CHECKPOINT_TOPIC"};

constexpr std::array<std::string_view, 11> predefined_groups{
    "TOOLS_CONSUMER",  "SELF_TEST_C_GROUP",     "FILTERSRV_CONSUMER",    "__MONITOR_CONSUMER", "CID_ONS-HTTP-PROXY", "CID_ONSAPI_OWNER",
    "CID_ONSAPI_PULL", "CID_ONSAPI_PERMISSION", "CLIENT_INNER_PRODUCER", "CID_SYS_RMQ_TRANS",  "CID_RMQ_SYS_TRANS"};

constexpr bool is_allowed(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '%' || c == '|' || c == '_' || c == '-';
}

std::string describe(char c) {
    constexpr char digits[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f)
        return std::string{'\'', c, '\''};
    return std::string{"byte 0x"} + digits[byte >> 4] + digits[byte & 15];
}

/// A name may be long and hold anything: shown in errors only this far, and only what prints.
std::string shown(std::string_view name) {
    constexpr std::size_t shown_bytes_max = 64;
    std::string text{name.substr(0, shown_bytes_max)};
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < 0x20 || c == 0x7f; }, '?');
    return name.size() > shown_bytes_max ? text + "..." : text;
}

result<void> check_name(std::string_view what, std::string_view name, std::size_t bytes_max, errc code) {
    const std::string kind{what};
    if (name.empty())
        return error{code, kind + " name is empty: give it 1 to " + std::to_string(bytes_max) + " characters of [%|a-zA-Z0-9_-]"};
    if (name.size() > bytes_max)
        return error{code, kind + " name \"" + shown(name) + "\" has " + std::to_string(name.size()) + " bytes, at most " +
                               std::to_string(bytes_max) + " are allowed"};
    const auto* bad = std::find_if_not(name.begin(), name.end(), is_allowed);
    if (bad != name.end())
        return error{code, kind + " name \"" + shown(name) + "\" has " + describe(*bad) + " at place " +
                               std::to_string(bad - name.begin() + 1) + ", only [%|a-zA-Z0-9_-] is allowed"};
    return {};
}

} // namespace

result<void> check_topic_name(std::string_view topic) {
    const bool internal = is_retry_topic(topic) || is_dead_letter_topic(topic);
    return check_name("topic", topic, internal ? limits::internal_topic_bytes_max : limits::topic_bytes_max, errc::topic_illegal);
}

result<void> check_group_name(std::string_view group) {
    return check_name("group", group, limits::group_bytes_max, errc::group_illegal);
}

bool is_system_topic(std::string_view topic) {
    return topic.starts_with("RMQ_SYS_") || topic.starts_with("rmq_sys_") ||
           std::find(system_topics.begin(), system_topics.end(), topic) != system_topics.end();
}

bool is_predefined_group(std::string_view group) {
    return std::find(predefined_groups.begin(), predefined_groups.end(), group) != predefined_groups.end();
}

bool is_system_group(std::string_view group) {
    return group.starts_with("CID_RMQ_SYS_") || is_predefined_group(group);
}

bool is_retry_topic(std::string_view topic) {
    return topic.starts_with(retry_prefix);
}

bool is_dead_letter_topic(std::string_view topic) {
    return topic.starts_with(dead_letter_prefix);
}

} // namespace troupe
