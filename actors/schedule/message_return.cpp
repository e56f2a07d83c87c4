#include "actors/schedule/message_return.hpp"

#include "actors/messages/messages.hpp"
#include "protocol/property_edit.hpp"

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

returned_message return_message(protocol::message failed, const return_rules& rules) {
    returned_message returned;
    auto& copy = returned.copy;
    copy = std::move(failed);
    copy.reconsume_times = std::clamp(copy.reconsume_times, 0, reconsume_times_max);
    auto& properties = copy.properties;
    if (!protocol::find_property(properties, name::retry_topic))
        protocol::set_property(properties, name::retry_topic, copy.topic);
    if (!protocol::find_property(properties, name::origin_message_id))
        protocol::set_property(properties, name::origin_message_id, protocol::offset_message_id(copy.store_host, copy.position));
    protocol::set_property(properties, name::wait, "false");
    const bool is_dead = copy.reconsume_times >= limit_of(rules.retry_max) || rules.delay_level < 0;
    if (!is_dead)
        returned.delay_level = rules.delay_level > 0 ? rules.delay_level : first_retry_level + copy.reconsume_times;
    protocol::set_property(properties, name::delay, std::to_string(returned.delay_level));
    copy.topic = is_dead ? dead_letter_topic_of(rules.group) : retry_topic_of(rules.group);
    ++copy.reconsume_times;
    copy.offset = {};
    copy.position = {};
    copy.stored = {};
    return returned;
}

result<std::string> encode_returned(protocol::message& copy, bool is_retried) {
    auto record = protocol::encode_record(copy);
    for (const auto property : {name::wait, name::origin_message_id, name::delay, name::retry_topic}) {
        const bool is_needed = is_retried && (property == name::delay || property == name::retry_topic);
        if (record || record.code() != errc::properties_too_large || is_needed)
            break;
        protocol::remove_property(copy.properties, property);
        record = protocol::encode_record(copy);
    }
    return record;
}

bool divert_if_dead(send_messages& order, const std::string& group, std::int32_t retry_max) {
    if (order.reconsume_times <= limit_of(retry_max))
        return false;
    order.topic = dead_letter_topic_of(group);
    order.queue = queue_id{0};
    protocol::set_property(order.properties, name::delay, "-1");
    return true;
}

} // namespace troupe::actors
