#pragma once

#include "actors/group/queue_locks.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what consumers ask beside pulls and offsets. Our own never ask for check_subscription: it has one direction only.
namespace troupe::actors::net {

template <>
result<lock_queues> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const lock_queues& order);
template <>
protocol::remoting_command encode_answer(const queues_locked& answer);
template <>
result<queues_locked> decode_answer(const protocol::remoting_command& command);
template <>
result<unlock_queues> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const unlock_queues& order);
template <>
protocol::remoting_command encode_answer(const queues_unlocked& answer);
template <>
result<queues_unlocked> decode_answer(const protocol::remoting_command& command);

template <>
result<check_subscription> decode_request(const protocol::remoting_command& command);
/// Success; 23 when the expression does not parse, 1 when the broker does not filter that way.
template <>
protocol::remoting_command encode_answer(const subscription_checked& answer);

} // namespace troupe::actors::net
