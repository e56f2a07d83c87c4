#include "apps/commands/group_settings.hpp"

#include "actors/schedule/message_return.hpp"
#include "config/units.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>

namespace troupe::apps {

namespace {

template <class Number>
inline constexpr Number most = std::numeric_limits<Number>::max();

error illegal(std::string text) {
    return error{errc::argument_illegal, std::move(text)};
}

// ---- values ---------------------------------------------------------------------------------------------------------

result<bool> parse_yes(std::string_view text) {
    if (text == "true" || text == "yes") {
        return true;
    }
    if (text == "false" || text == "no") {
        return false;
    }
    return illegal("\"" + std::string{text} + "\" is none of true, false");
}

template <class Number>
result<Number> parse_number(std::string_view text, Number min, Number max) {
    Number number = 0;
    const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure == std::errc{} && rest == text.data() + text.size() && number >= min && number <= max) {
        return number;
    }
    return illegal("\"" + std::string{text} + "\" is no whole number from " + std::to_string(min) +
                   (max == most<Number> ? " on" : " to " + std::to_string(max)));
}

template <bool group_config::*Member>
cell show_yes(const group_config& group) {
    return group.*Member;
}
template <bool group_config::*Member>
result<void> set_yes(group_config& group, std::string_view text) {
    const auto value = parse_yes(text);
    if (!value) {
        return value.failure();
    }
    group.*Member = *value;
    return {};
}

template <auto Member>
cell show_number(const group_config& group) {
    return static_cast<std::int64_t>(group.*Member);
}
template <class Number, Number group_config::*Member, Number Min, Number Max>
result<void> set_number(group_config& group, std::string_view text) {
    const auto value = parse_number<Number>(text, Min, Max);
    if (!value) {
        return value.failure();
    }
    group.*Member = *value;
    return {};
}

cell show_retries(const group_config& group) {
    return format_retry_policy(group.retries);
}
result<void> set_retries(group_config& group, std::string_view text) {
    auto policy = parse_retry_policy(text);
    if (!policy) {
        return policy.failure();
    }
    group.retries = std::move(*policy);
    return {};
}

// ---- policies -------------------------------------------------------------------------------------------------------

constexpr std::string_view customized = "customized:";
constexpr std::string_view exponential = "exponential";

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(',');
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

result<retry_policy> parse_customized(std::string_view delays) {
    retry_policy policy;
    for (const auto part : split(delays)) {
        const auto delay = config::parse_duration(part);
        if (!delay) {
            return delay.failure();
        }
        policy.delays_ms.push_back(delay->count());
    }
    return policy;
}

result<retry_policy> parse_exponential(std::string_view growth) {
    retry_policy policy;
    policy.is_exponential = policy.has_growth = true;
    if (growth.empty()) {
        return policy;
    }
    const auto parts = split(growth.substr(1));
    if (growth.front() != ':' || parts.size() != 3) {
        return illegal("\"exponential" + std::string{growth} +
                       "\" is no policy; write exponential:FIRST,LONGEST,TIMES, like exponential:5s,2h,2");
    }
    const auto first = config::parse_duration(parts[0]);
    if (!first) {
        return first.failure();
    }
    const auto longest = config::parse_duration(parts[1]);
    if (!longest) {
        return longest.failure();
    }
    const auto times = parse_number<std::int64_t>(parts[2], 1, most<std::int64_t>);
    if (!times) {
        return times.failure();
    }
    policy.initial_ms = first->count();
    policy.max_ms = longest->count();
    policy.multiplier = *times;
    return policy;
}

result<retry_policy> parse_kind(std::string_view text) {
    if (text == "levels") {
        return retry_policy{};
    }
    if (text.starts_with(customized)) {
        return parse_customized(text.substr(customized.size()));
    }
    if (text.starts_with(exponential)) {
        return parse_exponential(text.substr(exponential.size()));
    }
    return illegal("\"" + std::string{text} + "\" is none of levels, customized:DELAY,..., exponential, exponential:FIRST,LONGEST,TIMES");
}

std::string duration(std::int64_t ms) {
    return config::format_duration(std::chrono::milliseconds{ms});
}

} // namespace

std::span<const group_setting> group_settings() {
    using group = group_config;
    static constexpr std::array settings{
        group_setting{"consume_enable", "BOOL", "Whether the group gets messages (true)", &show_yes<&group::consume_enable>,
                      &set_yes<&group::consume_enable>},
        group_setting{"consume_broadcast_enable", "BOOL", "Whether its members may read by broadcasting (true)",
                      &show_yes<&group::consume_broadcast_enable>, &set_yes<&group::consume_broadcast_enable>},
        group_setting{"retry_queue_nums", "N", "Queues of its retry topic when that is made (1); 0: what fails is not tried again",
                      &show_number<&group::retry_queues>, &set_number<std::int32_t, &group::retry_queues, 0, limits::queues_per_topic_max>},
        group_setting{
            "retry_max_times", "N",
            "Tries after the first one until a message is a dead letter (16), for consumers that do not say so themselves; -1: 16",
            &show_number<&group::retry_max>, &set_number<std::int32_t, &group::retry_max, -1, most<std::int32_t>>},
        group_setting{
            "group_retry_policy", "POLICY",
            "How long a failed message waits: levels (as the broker's delay levels say), customized:1s,5s,10s,1m (as in RocketMQ, "
            "the third is for the first failure), or exponential:FIRST,LONGEST,TIMES like exponential:5s,2h,2",
            &show_retries, &set_retries},
        group_setting{"notify_consumer_ids_changed_enable", "BOOL", "Whether members are told when others come and go (true)",
                      &show_yes<&group::notify_members_changed>, &set_yes<&group::notify_members_changed>},
        group_setting{"deliver_rate", "N", "Hand it so many messages a second on each broker, at most; 0: without limit",
                      &show_number<&group::deliver_messages>, &set_number<std::int64_t, &group::deliver_messages, 0, most<std::int64_t>>},
        group_setting{"consume_from_min_enable", "BOOL", "Kept for RocketMQ's tools (true)", &show_yes<&group::consume_from_min_enable>,
                      &set_yes<&group::consume_from_min_enable>},
        group_setting{"consume_message_orderly", "BOOL", "Kept for RocketMQ's tools (false)", &show_yes<&group::consume_message_orderly>,
                      &set_yes<&group::consume_message_orderly>},
        group_setting{"consume_timeout_minute", "N", "Kept for RocketMQ's tools (15)", &show_number<&group::consume_timeout_minutes>,
                      &set_number<std::int32_t, &group::consume_timeout_minutes, 0, most<std::int32_t>>},
        group_setting{"broker_id", "N", "Kept for RocketMQ's tools (0)", &show_number<&group::read_broker_id>,
                      &set_number<std::int64_t, &group::read_broker_id, 0, most<std::int64_t>>},
        group_setting{"which_broker_when_consume_slowly", "N", "Kept for RocketMQ's tools (1)", &show_number<&group::slow_read_broker_id>,
                      &set_number<std::int64_t, &group::slow_read_broker_id, 0, most<std::int64_t>>},
        group_setting{"group_sys_flag", "N", "Kept for RocketMQ's tools (0)", &show_number<&group::sys_flag>,
                      &set_number<std::int32_t, &group::sys_flag, 0, most<std::int32_t>>}};
    return settings;
}

std::string option_of(const group_setting& setting) {
    std::string option = "--" + std::string{setting.name};
    std::replace(option.begin(), option.end(), '_', '-');
    return option;
}

std::string text_of(const group_setting& setting, const group_config& group) {
    const cell value = setting.shown(group);
    if (const auto* yes = std::get_if<bool>(&value)) {
        return *yes ? "yes" : "no";
    }
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return std::to_string(*number);
    }
    return std::get<std::string>(value);
}

result<retry_policy> parse_retry_policy(std::string_view text) {
    auto policy = parse_kind(text);
    if (!policy) {
        return policy;
    }
    // How far ahead messages may wait is each broker's to say.
    if (const auto legal = actors::check_retries(*policy, std::chrono::milliseconds::max()); !legal) {
        return legal.failure();
    }
    return policy;
}

std::string format_retry_policy(const retry_policy& policy) {
    if (policy.is_exponential) {
        return policy.has_growth
                   ? "exponential:" + duration(policy.initial_ms) + "," + duration(policy.max_ms) + "," + std::to_string(policy.multiplier)
                   : "levels (type EXPONENTIAL without a policy)";
    }
    if (policy.delays_ms.empty()) {
        return "levels";
    }
    std::string text{customized};
    for (const auto delay : policy.delays_ms) {
        text += duration(delay) + ",";
    }
    text.pop_back();
    return text;
}

std::vector<setting_change> changes_between(const group_config& before, const group_config& after) {
    std::vector<setting_change> changes;
    for (const auto& setting : group_settings()) {
        auto from = text_of(setting, before);
        auto to = text_of(setting, after);
        if (from != to) {
            changes.push_back({std::string{setting.name}, std::move(from), std::move(to)});
        }
    }
    return changes;
}

} // namespace troupe::apps
