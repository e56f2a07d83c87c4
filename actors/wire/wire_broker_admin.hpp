#pragma once

#include "actors/messages/broker_admin.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what only tools ask of a broker: requests are decoded and answers encoded; the other way round only what `client::admin` asks.
namespace troupe::actors::net {

TROUPE_WIRE_BOTH(find_group_config, group_config_found)

} // namespace troupe::actors::net
