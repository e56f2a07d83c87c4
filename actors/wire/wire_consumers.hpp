#pragma once

#include "actors/group/queue_locks.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what consumers ask beside pulls and offsets. Our own never ask for check_subscription: it has one direction only.
namespace troupe::actors::net {

TROUPE_WIRE_BOTH(lock_queues, queues_locked)
TROUPE_WIRE_BOTH(unlock_queues, queues_unlocked)
/// Answered with success; 23 when the expression does not parse, 1 when the broker does not filter that way.
TROUPE_WIRE_SERVED(check_subscription, subscription_checked)

} // namespace troupe::actors::net
