#pragma once

#include "actors/wire/field_reader.hpp"
#include "actors/wire/wire.hpp"

#include <cstdint>
#include <string>
#include <utility>

/// What the sources behind `wire.hpp` and its neighbours share.
namespace troupe::actors::net {

constexpr const char* text_of(bool value) {
    return value ? "true" : "false";
}

inline protocol::remoting_command request_of(std::int32_t code) {
    protocol::remoting_command command;
    command.code = code;
    return command;
}

/// Whose body is `body`.
inline protocol::remoting_command request_of(std::int32_t code, std::string body) {
    auto command = request_of(code);
    command.body = payload{std::move(body)};
    return command;
}

/// Of which `field` says what it is about.
inline protocol::remoting_command request_about(std::int32_t code, std::string field, std::string name) {
    auto command = request_of(code);
    command.fields.set(std::move(field), std::move(name));
    return command;
}

inline protocol::remoting_command request_about(std::int32_t code, const topic_queue& queue) {
    auto command = request_about(code, "topic", queue.topic);
    command.fields.set("queueId", queue.queue.value());
    return command;
}

/// What request_about has written.
inline topic_queue read_queue(field_reader& in) {
    auto topic = in.text("topic");
    return {std::move(topic), in.number<queue_id>("queueId")};
}

/// A success whose body is `body`.
inline protocol::remoting_command answer_of(std::string body) {
    protocol::remoting_command command;
    command.body = payload{std::move(body)};
    return command;
}

/// `decode` reads a body; what it reads becomes the only member of an Order or Answer.
template <class Message, class Decode>
result<Message> message_of_body(const protocol::remoting_command& command, Decode decode) {
    auto read = decode(command.body.view());
    if (!read)
        return read.failure();
    return Message{std::move(*read)};
}

} // namespace troupe::actors::net
