#pragma once

#include "actors/schedule/timer_keeper.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for timed messages. RECALL_MESSAGE has the fields of RecallMessageRequestHeader; the other requests are ours: texts
/// and numbers as fields, and records in the body as a pull's answer has them.
namespace troupe::actors::net {

TROUPE_WIRE_BOTH(recall_message, message_recalled)
TROUPE_WIRE_BOTH(list_timers, timers_listed)
TROUPE_WIRE_BOTH(find_timer, timer_found)
TROUPE_WIRE_BOTH(cancel_timer, timer_cancelled)

} // namespace troupe::actors::net
