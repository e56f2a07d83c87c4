#pragma once

#include "actors/log/message_finder.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for looking up messages: by position and by key, as proxies do, and what only tools of RocketMQ ask for.
namespace troupe::actors::net {

TROUPE_WIRE_SERVED(find_first_stored, first_stored_found)
TROUPE_WIRE_SERVED(browse_queue, queue_browsed)
TROUPE_WIRE_SERVED(describe_time_spans, time_spans_described)

} // namespace troupe::actors::net
