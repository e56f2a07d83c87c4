#pragma once

#include "actors/messages/member_messages.hpp"
#include "actors/messages/pop_messages.hpp"
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
/// What the session answers; exactly one per session_request. Also carries pushes to the client, which answer nothing here.
struct session_answered {
    connection_id connection;
    std::string frame; ///< empty: the request was one-way
    bool push = false;
    bool asks = false; ///< the push is a request: the client's answer is due as a push_answered
};
/// A push that asks, and whose answer comes as a request of its own: answered with transaction_check_sent when it is on its way. Fails
/// with busy while the client does not read what was sent to it, and with connection_lost.
struct client_question {
    connection_id connection;
    std::string frame;
};
/// What the client answers to a push that asks.
struct push_answered {
    protocol::remoting_command answer;
};
/// Self-message of a session: a push may be over its deadline.
struct push_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, push_tick&) {
        return f();
    }
};
/// The connection has ended. Comes behind its last request, so that this is still passed on.
struct session_closed {
    template <class Inspector>
    friend auto inspect(Inspector& f, session_closed&) {
        return f();
    }
};

/// The gateway as roles and sessions see it.
using gateway_actor =
    ticket_holder_actor::extend_with<pop_holder_actor>::extend<caf::reacts_to<session_answered>,
                                                               caf::replies_to<client_question>::with<transaction_check_sent>>;

/// One connection with everything that is no send and no pull.
///
/// In    session_request                     decoded, asked of the role with a deadline, answered with session_answered
///       consumers_changed                   from the broker: pushed to the client as code 40
///       check_transaction                   likewise, as code 39; answered when it is on its way, and refused with busy while the
///                                           client does not read
///       forward_to_client, ask_client_status, deliver_reply
///                                           from the broker: sent to the client, whose answer is the answer; timed_out after a
///                                           while, busy beyond the bound, connection_lost when the connection ends first
///       push_answered                       the client's answer to one of those
///       push_tick                           to itself
///       session_closed                      ends it
/// State its outstanding requests, which the gateway bounds; a push_table
/// Always its end is the connection's end: brokers and name servers monitor it.
using session_actor =
    client_session_actor::extend_with<asked_client_actor>::extend<caf::reacts_to<session_request>, caf::reacts_to<push_answered>,
                                                                  caf::reacts_to<push_tick>, caf::reacts_to<session_closed>>;

/// `roles.broker->log_writer` is not used: sends that arrive here go through the broker, which may create their topic.
session_actor spawn_session(caf::actor_system& system, connection_id connection, const protocol::host_address& peer, gateway_roles roles,
                            gateway_options options, const gateway_actor& gateway);

/// Codes of the requests that sessions of a port with both roles answer, in order. Pulls are the gateway's own.
std::vector<std::int32_t> served_requests();

} // namespace troupe::actors::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::session_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::session_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::client_question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::push_answered)
