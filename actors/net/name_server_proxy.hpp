#pragma once

#include "actors/messages/roles.hpp"
#include "actors/net/link_options.hpp"

#include <caf/fwd.hpp>

#include <string>

namespace troupe::actors::net {

/// A name server in another process, as `broker_proxy.hpp` describes it for brokers.
///
/// Serves  name_server_actor
///
/// register_broker.session is not used: the connection is the session. Therefore broker_heartbeat fails with connection_lost,
/// without being sent, when the connection that carried the last registration has ended: register again. Name servers of RocketMQ
/// before 5 know no heartbeat; for them it is answered without being sent, and only registrations keep the broker in the routes.
name_server_actor spawn_name_server_proxy(caf::actor_system& system, std::string address, link_options options = {});

} // namespace troupe::actors::net
