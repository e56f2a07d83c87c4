#pragma once

#include "protocol/bodies.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

#include <string_view>

/// A message queue (RocketMQ: MessageQueue) as a JSON value and as the key of a map, for the sources of bodies.
namespace troupe::protocol {

inline void write_queue(json_writer& json, const message_queue& queue) {
    json.begin_object();
    json.text_member("brokerName", queue.broker_name);
    json.number_member("queueId", queue.queue);
    json.text_member("topic", queue.topic);
    json.end_object();
}

inline void read_queue_member(json_reader& json, std::string_view key, message_queue& queue) {
    if (key == "brokerName")
        queue.broker_name = json.text();
    else if (key == "queueId")
        queue.queue = json.integer<std::int32_t>();
    else if (key == "topic")
        queue.topic = json.text();
    else
        json.skip_member(key);
}

inline message_queue read_queue(json_reader& json) {
    message_queue queue;
    json.object([&](std::string_view key) { read_queue_member(json, key, queue); });
    return queue;
}

/// The queue stands as an object in the place of a key: the only form that every Java client reads.
inline void write_queue_key(json_writer& json, const message_queue& queue) {
    write_queue(json, queue);
    json.end_value_key();
}

/// `key` is the JSON text of a queue, whether it stood there as an object or inside a string.
inline message_queue read_queue_key(json_reader& json, std::string_view key) {
    json_reader reader{key};
    auto queue = read_queue(reader);
    if (!reader.finish("queue"))
        json.fail("a key is no message queue");
    return queue;
}

} // namespace troupe::protocol
