#pragma once

#include "actors/name_server.hpp"
#include "actors/net/listener.hpp"

namespace troupe::actors {

/// A name server with its port.
struct name_server_node {
    name_server_actor name_server; ///< for roles in the same process
    net::bound_listener listener;
};

/// Starts both. Fails as spawn_listener does, leaving nothing behind.
result<name_server_node> spawn_name_server_node(caf::actor_system& system, net::listener_options listener,
                                                name_server_options options = {});

/// Closes the port, then ends the name server. Must not be called from an actor: waits for both.
void stop(caf::actor_system& system, name_server_node& node);

} // namespace troupe::actors
