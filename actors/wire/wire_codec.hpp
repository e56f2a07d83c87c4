#pragma once

#include "actors/wire/field_reader.hpp"
#include "actors/wire/wire.hpp"

#include <cstdint>
#include <string>
#include <utility>

/// What the sources behind `wire.hpp` and its neighbours share.
namespace troupe::actors::net {

inline protocol::remoting_command request_of(std::int32_t code) {
    protocol::remoting_command command;
    command.code = code;
    return command;
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
