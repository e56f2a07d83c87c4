#pragma once

#include "actors/net/gateway_options.hpp"
#include "protocol/remoting_command.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>

#include <string>
#include <vector>

namespace troupe::actors::net {

/// A connection of one gateway. Never reused, unlike a socket's number.
using connection_id = tagged_number<struct connection_id_tag, std::uint64_t>;

/// A request that the gateway does not handle in place.
struct session_request {
    protocol::remoting_command command;
};
/// What the session answers; exactly one per session_request. Also carries pushes to the client, which answer nothing.
struct session_answered {
    connection_id connection;
    std::string frame; ///< empty: the request was one-way
    bool push = false;
};
/// The connection has ended. Comes behind its last request, so that this is still passed on.
struct session_closed {
    template <class Inspector>
    friend auto inspect(Inspector& f, session_closed&) {
        return f();
    }
};

/// The gateway as roles and sessions see it.
using gateway_actor = ticket_holder_actor::extend<caf::reacts_to<session_answered>>;

/// One connection with everything that is no send and no pull.
///
/// In    session_request                     decoded, asked of the role with a deadline, answered with session_answered
///       consumers_changed                   from the broker: pushed to the client as code 40
///       session_closed                      ends it
/// State none but its outstanding requests, which the gateway bounds
/// Always its end is the connection's end: brokers and name servers monitor it.
using session_actor = client_session_actor::extend<caf::reacts_to<session_request>, caf::reacts_to<session_closed>>;

/// `roles.broker->log_writer` is not used: sends that arrive here go through the broker, which may create their topic.
session_actor spawn_session(caf::actor_system& system, connection_id connection, const protocol::host_address& peer, gateway_roles roles,
                            gateway_options options, const gateway_actor& gateway);

/// Codes of the requests that sessions of a port with both roles answer, in order. Pulls are the gateway's own.
std::vector<std::int32_t> served_requests();

} // namespace troupe::actors::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::session_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::session_answered)
