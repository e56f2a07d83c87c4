#include "actors/schedule/message_return.hpp"

#include "actors/messages/messages.hpp"
#include "actors/schedule/timer_message.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

namespace name = protocol::property_name;

constexpr std::int32_t first_retry_level = 3; // 10 s

std::int32_t limit_of(std::int32_t retry_max) {
    return retry_max < 0 ? retry_max_default : retry_max;
}

} // namespace

std::string retry_topic_of(const std::string& group) {
    return "%RETRY%" + group;
}

std::string dead_letter_topic_of(const std::string& group) {
    return "%DLQ%" + group;
}

result<void> check_retries(const retry_policy& retries, std::chrono::milliseconds horizon) {
    const auto check = [horizon](const std::string& what, std::int64_t delay) -> result<void> {
        if (delay < 0 || delay > horizon.count())
            return error{errc::argument_illegal, "groupRetryPolicy: " + what + " is " + std::to_string(delay) + " ms; allowed are 0 to " +
                                                     std::to_string(horizon.count()) + " (option broker.timer_max_delay)"};
        return {};
    };
    for (const auto delay : retries.delays_ms)
        if (const auto legal = check("a delay", delay); !legal)
            return legal;
    if (retries.delays_ms.size() > limits::retry_delays_max)
        return error{errc::argument_illegal, "groupRetryPolicy: " + std::to_string(retries.delays_ms.size()) + " delays; at most " +
                                                 std::to_string(limits::retry_delays_max) + " are allowed"};
    if (!retries.has_growth)
        return {};
    if (const auto legal = check("max", retries.max_ms); !legal)
        return legal;
    if (retries.initial_ms < 1 || retries.initial_ms > retries.max_ms)
        return error{errc::argument_illegal, "groupRetryPolicy: initial is " + std::to_string(retries.initial_ms) +
                                                 " ms; allowed are 1 to max, " + std::to_string(retries.max_ms)};
    if (retries.multiplier < 1)
        return error{errc::argument_illegal,
                     "groupRetryPolicy: multiplier is " + std::to_string(retries.multiplier) + "; allowed is 1 and above"};
    return {};
}

std::optional<std::chrono::milliseconds> retry_delay(const retry_policy& retries, std::int32_t reconsume_times) {
    const auto tries = static_cast<std::size_t>(std::clamp(reconsume_times, 0, reconsume_times_max));
    if (!retries.is_exponential) {
        if (retries.delays_ms.empty())
            return std::nullopt;
        constexpr std::size_t first = first_retry_level - 1;
        return std::chrono::milliseconds{retries.delays_ms[std::min(first + tries, retries.delays_ms.size() - 1)]};
    }
    if (!retries.has_growth)
        return std::nullopt;
    auto delay = retries.initial_ms;
    for (std::size_t i = 0; i < tries && retries.multiplier > 1 && delay < retries.max_ms; ++i)
        delay = delay > retries.max_ms / retries.multiplier ? retries.max_ms : delay * retries.multiplier;
    return std::chrono::milliseconds{std::min(delay, retries.max_ms)};
}

returned_message return_message(protocol::message failed, const return_rules& rules) {
    returned_message returned;
    auto& copy = returned.copy;
    copy = std::move(failed);
    copy.reconsume_times = std::clamp(copy.reconsume_times, 0, reconsume_times_max);
    auto& properties = copy.properties;
    if (!protocol::find_property(properties, name::retry_topic)) {
        protocol::set_property(properties, name::retry_topic, copy.topic);
        protocol::set_property(properties, name::origin_queue, to_string(copy.queue)); // which a retry topic's is not
    }
    if (!protocol::find_property(properties, name::origin_message_id))
        protocol::set_property(properties, name::origin_message_id, protocol::offset_message_id(copy.store_host, copy.position));
    protocol::set_property(properties, name::wait, "false");
    const bool is_dead = copy.reconsume_times >= limit_of(rules.retry_max) || rules.delay_level < 0;
    if (!is_dead)
        returned.delay_level = rules.delay_level > 0 ? rules.delay_level : first_retry_level + copy.reconsume_times;
    if (!is_dead && rules.delay_level == 0)
        returned.delay = retry_delay(rules.retries, copy.reconsume_times);
    if (returned.delay) {
        protocol::remove_property(properties, name::delay);
        // Where timers wait, this would make it an order to recall another one.
        protocol::remove_property(properties, name::timer_delete_key);
    } else {
        protocol::set_property(properties, name::delay, std::to_string(returned.delay_level));
    }
    copy.topic = is_dead ? dead_letter_topic_of(rules.group) : retry_topic_of(rules.group);
    ++copy.reconsume_times;
    copy.offset = {};
    copy.position = {};
    copy.stored = {};
    return returned;
}

result<std::string> encode_returned(protocol::message& copy, bool is_retried) {
    auto record = protocol::encode_record(copy);
    // What timers have left of an earlier try comes first.
    for (const auto property : {name::timer_enqueue_ms, name::timer_dequeue_ms, name::timer_out_ms, name::origin_queue, name::wait,
                                name::origin_message_id, name::delay, name::retry_topic}) {
        if (property == name::timer_out_ms && copy.topic == timer_topic)
            continue; // it says when this try is due
        const bool is_needed = is_retried && (property == name::delay || property == name::retry_topic);
        if (record || record.code() != errc::properties_too_large || is_needed)
            break;
        protocol::remove_property(copy.properties, property);
        record = protocol::encode_record(copy);
    }
    return record;
}

own_retry judge_own_retry(std::int32_t reconsume_times, std::int32_t retry_max) {
    const auto limit = limit_of(retry_max);
    if (reconsume_times == limit)
        return own_retry::dead_if_in_order;
    return reconsume_times < limit ? own_retry::tried_again : own_retry::dead;
}

void divert_to_dead_letters(send_messages& order, const std::string& group) {
    order.topic = dead_letter_topic_of(group);
    order.queue = queue_id{0};
    protocol::set_property(order.properties, name::delay, "-1");
}

} // namespace troupe::actors
