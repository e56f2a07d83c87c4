#pragma once

#include "protocol/bodies.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

/// A message queue as an ordinary JSON value (RocketMQ: MessageQueue), for the sources of bodies.
namespace troupe::protocol {

inline void write_queue(json_writer& json, const message_queue& queue) {
    json.begin_object();
    json.text_member("brokerName", queue.broker_name);
    json.number_member("queueId", queue.queue);
    json.text_member("topic", queue.topic);
    json.end_object();
}

inline message_queue read_queue(json_reader& json) {
    message_queue queue;
    json.object([&](std::string_view key) {
        if (key == "brokerName")
            queue.broker_name = json.text();
        else if (key == "queueId")
            queue.queue = json.integer<std::int32_t>();
        else if (key == "topic")
            queue.topic = json.text();
        else
            json.skip_member(key);
    });
    return queue;
}

} // namespace troupe::protocol
