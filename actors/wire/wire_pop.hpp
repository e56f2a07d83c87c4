#pragma once

#include "actors/messages/pop_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for pop consumers (PopMessageRequestHeader, ...). POP_MESSAGE, PEEK_MESSAGE, NOTIFICATION and POLLING_INFO are one
/// order of four kinds; ACK_MESSAGE and BATCH_ACK_MESSAGE are one, too.
namespace troupe::actors::net {

template <>
result<pop_messages> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const pop_messages& order);
template <>
protocol::remoting_command encode_answer(const messages_popped& answer);
/// Of POP_MESSAGE and PEEK_MESSAGE.
template <>
result<messages_popped> decode_answer(const protocol::remoting_command& command);

template <>
result<acknowledge_messages> decode_request(const protocol::remoting_command& command);
/// A batch; ACK_MESSAGE for one message that is too far behind `start` for the offsets of a batch.
template <>
protocol::remoting_command encode_request(const acknowledge_messages& order);
template <>
protocol::remoting_command encode_answer(const messages_acknowledged& answer);
template <>
result<messages_acknowledged> decode_answer(const protocol::remoting_command& command);

template <>
result<change_invisible_time> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const change_invisible_time& order);
template <>
protocol::remoting_command encode_answer(const invisible_time_changed& answer);
template <>
result<invisible_time_changed> decode_answer(const protocol::remoting_command& command);

/// For what is asked of a handle: RocketMQ has a code of its own for an offset outside the queue.
protocol::remoting_command encode_handle_failure(const error& failure);

} // namespace troupe::actors::net
