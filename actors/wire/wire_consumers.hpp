#pragma once

#include "actors/group/queue_locks.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for queue locks, and for what only consumers of other makes ask.
namespace troupe::actors::net {

/// Answered with success; 23 when the expression does not parse, 1 when the broker does not filter that way.
TROUPE_WIRE_SERVED(check_subscription, subscription_checked)

} // namespace troupe::actors::net
