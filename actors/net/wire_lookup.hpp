#pragma once

#include "actors/message_finder.hpp"
#include "actors/net/wire.hpp"

/// `wire.hpp` for looking up messages: requests are decoded and answers encoded, never the other way round.
namespace troupe::actors::net {

template <>
result<find_message> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const message_found& answer);
template <>
result<find_messages> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const messages_found& answer);
template <>
result<find_first_stored> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const first_stored_found& answer);
template <>
result<browse_queue> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const queue_browsed& answer);
template <>
result<describe_time_spans> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const time_spans_described& answer);

} // namespace troupe::actors::net
