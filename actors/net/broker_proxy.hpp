#pragma once

#include "actors/messages/roles.hpp"
#include "actors/net/link_options.hpp"

#include <caf/fwd.hpp>

#include <string>

namespace troupe::actors::net {

/// A broker in another process: messages become remoting frames over one connection to `address` ("host:port").
///
/// Serves     broker_actor; and by role_of: queue_lock_role, reply_sender_actor, operator_actor, transaction_actor, timers_actor and
///            pop_actor; of broker_admin_actor find_group_config, of message_back_actor send_message_back, of message_finder_actor find_message and
///            find_messages.
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
/// its own; a proxy stands for all of them, which broker_actor, the handle that routes carry, cannot say. This is where it is said: exists for
/// the interfaces above, and for no others. The broker role itself, which an embedded client talks to, stands for fewer: what it does not
/// serve fails as an unexpected message, and so does what a proxy serves of an interface in part.
template <class Role>
Role role_of(const broker_actor& broker);

} // namespace troupe::actors::net
