#include "actors/net/gateway.hpp"

#include <caf/send.hpp>

#include <utility>

// Everything else: what a connection's session does, and what it asks of the client.

namespace troupe::actors::net {

namespace {

/// What a waiting command keeps in memory.
std::size_t kept_bytes(const protocol::remoting_command& command) {
    std::size_t bytes = command.body.size() + command.remark.size();
    for (const auto& [name, value] : command.fields)
        bytes += name.size() + value.size();
    return bytes;
}

} // namespace

bool gateway::pass_to_session(connection_id connection, connection_state& state, protocol::remoting_command command) {
    const bool many = state.waiting.size() + state.session_requests >= options_.session_requests_max;
    const bool large = state.waiting_bytes > 0 && state.waiting_bytes + kept_bytes(command) > options_.in_flight_bytes_per_connection_max;
    if ((many || large) && command.is_oneway() && !state.ended)
        return false;
    if (many || large) {
        refuse(connection, command,
               many ? too_many_requests(options_.session_requests_max)
                    : error{errc::busy, "too many bytes of requests wait on this connection; send fewer at once"});
        return true;
    }
    if (!state.session) {
        state.session = spawn_session(host_.system(), connection, state.peer, roles_, options_, host_.handle());
        host_.watch(state.session);
    }
    state.waiting_bytes += kept_bytes(command);
    state.waiting.push_back(std::move(command));
    feed_session(connection, state);
    return true;
}

/// As many answers as there were requests, so that a client cannot fill its session's mailbox with answers nobody asked for.
void gateway::receive_answer(connection_state& state, protocol::remoting_command answer) {
    if (state.pushes == 0)
        return;
    --state.pushes;
    caf::anon_send(state.session, push_answered{std::move(answer)});
}

void gateway::feed_session(connection_id connection, connection_state& state) {
    // One connection may neither fill a role's mailbox, nor have more answers made than its peer reads.
    while (!state.waiting.empty() && state.session_requests < options_.session_requests_at_once &&
           host_.unsent_bytes(connection) <= options_.unsent_answer_bytes_max) {
        ++state.session_requests;
        state.waiting_bytes -= kept_bytes(state.waiting.front());
        caf::anon_send(state.session, session_request{std::move(state.waiting.front())});
        state.waiting.pop_front();
    }
}

void gateway::connection_drained(connection_id connection) {
    if (const auto found = connections_.find(connection); found != connections_.end())
        feed_session(connection, found->second);
}

std::optional<connection_id> gateway::connection_of(const caf::actor_addr& session) const {
    for (const auto& [connection, state] : connections_) // sessions end with their connection; one that does not is rare
        if (state.session && state.session.address() == session)
            return connection;
    return std::nullopt;
}

void gateway::handle(const session_answered& message) {
    const auto found = connections_.find(message.connection);
    if (found == connections_.end())
        return;
    guarded(message.connection, [&] {
        if (!message.frame.empty())
            host_.write(message.connection, message.frame, {});
        found->second.pushes += message.asks ? 1u : 0u;
        if (message.push)
            return;
        --found->second.session_requests;
        feed_session(message.connection, found->second);
    });
    resume_waiting();
}

result<void> gateway::handle(const client_question& message) {
    result<void> sent = error{errc::connection_lost, "the client's connection has ended"};
    if (!connections_.contains(message.connection))
        return sent;
    const auto unsent = host_.unsent_bytes(message.connection);
    if (unsent > 0 && unsent + message.frame.size() > options_.unsent_answer_bytes_max)
        return error{errc::busy, "too many unread bytes are on their way to this client"};
    guarded(message.connection, [&] {
        host_.write(message.connection, message.frame, {});
        sent = {};
    });
    return sent;
}

} // namespace troupe::actors::net
