#pragma once

#include "actors/name_server/name_server.hpp"
#include "actors/net/listener.hpp"

#include <memory>

namespace troupe::actors {

/// A name server with its port and, if it has a file for its KV config, who keeps that.
struct name_server_node {
    local_name_server_actor name_server; ///< for roles in the same process
    kv_keeper_actor kv_keeper;
    net::bound_listener listener;
};

/// Starts them; options.listen_port is filled in. Fails as spawn_listener and load_kv_config do, leaving nothing behind. Reads the file
/// on the caller's thread, so it must not be called from an actor. `files`: the operating system's when null.
result<name_server_node> spawn_name_server_node(caf::actor_system& system, net::listener_options listener, name_server_options options = {},
                                                std::shared_ptr<storage::file_system> files = nullptr);

/// Closes the port, then ends the name server, then its keeper. Must not be called from an actor: waits for each.
void stop(caf::actor_system& system, name_server_node& node);

} // namespace troupe::actors
