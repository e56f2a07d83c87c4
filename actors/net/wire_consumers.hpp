#pragma once

#include "actors/net/wire.hpp"
#include "actors/queue_locks.hpp"

/// `wire.hpp` for what consumers of other makes ask, and our own do not: requests are decoded and answers encoded, never the
/// other way round.
namespace troupe::actors::net {

template <>
result<lock_queues> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const queues_locked& answer);
template <>
result<unlock_queues> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const queues_unlocked& answer);

/// Answers CHECK_CLIENT_CONFIG, which asks nothing of any role: success when this broker can run the subscription, 23 when its
/// expression does not parse, 1 when the broker does not filter that way. The client's start fails then, instead of each pull.
protocol::remoting_command answer_client_check(const protocol::remoting_command& command);

} // namespace troupe::actors::net
