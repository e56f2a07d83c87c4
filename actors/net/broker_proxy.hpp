#pragma once

#include "actors/messages/roles.hpp"
#include "actors/net/link_options.hpp"
#include "actors/wire/remote_requests.hpp"

#include <caf/actor_cast.hpp>
#include <caf/fwd.hpp>

#include <string>

namespace troupe::actors::net {

/// A broker in another process: messages become remoting frames over one connection to `address` ("host:port").
///
/// Serves     broker_actor, and by role_of whatever interface has only orders of the table TROUPE_BROKER_REQUESTS.
/// Connects   on the first request, and again when a request finds the connection gone.
/// Answers    what the remote broker answers; itself timed_out, connection_lost, connect_failed, busy.
/// Pushes     connection_changed, when the connection has ended or there is another; and
///            consumers_changed, check_transaction, adopt_offsets and deliver_reply from the broker go to every session that a
///            client_heartbeat named and that still lives.
/// Asks       these sessions in turn what the broker asks of a member (forward_to_client, ask_client_status), until one has the group, and
///            answers the broker in time: at the latest after client_question_timeout.
/// Runs       in CAF's multiplexer thread. End it with user_shutdown; pending requests fail with shutting_down.
broker_actor spawn_broker_proxy(caf::actor_system& system, std::string address, link_options options = {});

/// The same broker, to be asked what belongs to another of its roles; no handle of no handle. Inside a broker each role has an interface of
/// its own; a proxy stands for all of them, which broker_actor, the handle that routes carry, cannot say. This is where it is said: for an
/// interface that proxies do not serve whole it does not compile. The broker role itself, which an embedded client talks to, stands for fewer:
/// it answers not_supported to what it does not serve, and names it.
template <class Role>
Role role_of(const broker_actor& broker) {
    check_rows<broker_requests>(static_cast<const Role*>(nullptr));
    return caf::actor_cast<Role>(broker);
}

} // namespace troupe::actors::net
