#pragma once

#include "actors/net/link_change.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <string>

namespace troupe::actors::net {

/// A broker knows clients by their connections. To every session that a client_heartbeat named: the connection to the broker ended, or
/// there is another one after it; the broker has forgotten what the heartbeat said. Stays in the process.
struct connection_changed {
    std::string address; ///< of the broker, as it was dialed
    link_change change = link_change::ended;
};
using connection_watcher_actor = caf::typed_actor<caf::reacts_to<connection_changed>>;

} // namespace troupe::actors::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::connection_changed)
