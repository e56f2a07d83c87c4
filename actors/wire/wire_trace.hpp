#pragma once

#include "actors/messages/trace_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for traces of messages; all of it is Troupe's own.
namespace troupe::actors::net {

template <>
protocol::remoting_command encode_request(const trace_message& order);
template <>
result<trace_message> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const message_traced& answer);
template <>
result<message_traced> decode_answer(const protocol::remoting_command& command);

} // namespace troupe::actors::net
