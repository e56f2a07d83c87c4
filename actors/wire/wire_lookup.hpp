#pragma once

#include "actors/log/message_finder.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for looking up messages. By position and by key in both directions; of the others, which only tools of RocketMQ ask
/// for, requests are decoded and answers encoded.
namespace troupe::actors::net {

template <>
result<find_message> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const find_message& order);
template <>
protocol::remoting_command encode_answer(const message_found& answer);
template <>
result<message_found> decode_answer(const protocol::remoting_command& command);
template <>
result<find_messages> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const find_messages& order);
template <>
protocol::remoting_command encode_answer(const messages_found& answer);
template <>
result<messages_found> decode_answer(const protocol::remoting_command& command);
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
