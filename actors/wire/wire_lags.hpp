#pragma once

#include "actors/messages/lag_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for slow consumers; all of it is Troupe's own.
namespace troupe::actors::net {

TROUPE_WIRE_BOTH(list_lags, lags_listed)

} // namespace troupe::actors::net
