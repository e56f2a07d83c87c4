#pragma once

#include "actors/broker/broker_node.hpp"
#include "actors/net/listener.hpp"

namespace troupe::actors::net {

/// What a port needs of `node`.
std::shared_ptr<const broker_entry> entry_of(const broker_node& node);

/// spawn_listener for a broker.
/// End the listener before the node: its gateway must not outlive the roles it sends to.
result<bound_listener> spawn_broker_listener(caf::actor_system& system, listener_options options, const broker_node& node,
                                             gateway_options gateway = {});

} // namespace troupe::actors::net
