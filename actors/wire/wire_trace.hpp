#pragma once

#include "actors/messages/trace_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for traces of messages; all of it is Troupe's own.
namespace troupe::actors::net {

TROUPE_WIRE_BOTH(trace_message, message_traced)

} // namespace troupe::actors::net
