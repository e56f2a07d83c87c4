#include "actors/net/gateway.hpp"
#include "actors/wire/wire.hpp"
#include "actors/wire/wire_pop.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

// Pulls and pops: what may wait for messages.

namespace troupe::actors::net {

// ---- pulls ----------------------------------------------------------------------------------------------------------

void gateway::receive_pull(connection_id connection, connection_state& state, const protocol::remoting_command& command) {
    auto pull = decode_request<pull_messages>(command);
    if (!pull)
        return refuse(connection, command, pull.failure());
    auto request = make_pending(pending_kind::pull, connection, command);
    request.deadline += std::chrono::milliseconds{std::clamp<std::int64_t>(pull->hold_ms, 0, 3'600'000)};
    request.group = pull->group;
    request.queue = {pull->topic, pull->queue};
    ++state.count_of(pending_kind::pull, command.is_oneway());
    state.pulls.insert(next_ticket_);
    pending_.emplace(next_ticket_, std::move(request));
    caf::anon_send(roles_.broker->broker, pull_ticketed{next_ticket_++, std::move(*pull), host_.handle(), connection.value()});
}

void gateway::handle(const pull_answered& message) {
    pending request;
    if (!take(message.ticket, request))
        return;
    guarded(request.connection, [&] {
        if (message.failure.code != errc::none)
            return answer(request, encode_pull_failure(message.failure, message.forbidden));
        // A client that asks for much and reads little gets its records when it has read what is on its way.
        if (!message.answer.records.empty() && host_.unsent_bytes(request.connection) > options_.unsent_answer_bytes_max)
            return answer(request, encode_failure({errc::busy, "too many unread bytes are on their way to this connection"}));
        const auto messages = note_handed_out(*roles_.broker->traffic, *roles_.broker->deliveries, request.group, request.queue,
                                              message.answer, request.connection.value(), roles_.broker->now());
        roles_.broker->shares->charge(request.group, messages, host_.now());
        answer(request, encode_answer(message.answer));
    });
}

// ---- pops -----------------------------------------------------------------------------------------------------------

void gateway::receive_pop(connection_id connection, connection_state& state, const protocol::remoting_command& command) {
    // Messages for a client that does not read would be out for nothing.
    if (host_.unsent_bytes(connection) > options_.unsent_answer_bytes_max)
        return refuse(connection, command, {errc::busy, "too many unread bytes are on their way to this connection"});
    auto pop = decode_request<pop_messages>(command);
    if (!pop)
        return refuse(connection, command, pop.failure());
    auto request = make_pending(pending_kind::pop, connection, command);
    request.deadline += std::chrono::milliseconds{std::clamp<std::int64_t>(pop->poll_ms, 0, 3'600'000)};
    request.group = pop->group;
    request.queue = {pop->topic, pop->queue};
    ++state.count_of(pending_kind::pop, command.is_oneway());
    state.pops.insert(next_ticket_);
    pending_.emplace(next_ticket_, std::move(request));
    caf::anon_send(roles_.broker->pops, pop_ticketed{next_ticket_++, std::move(*pop), host_.handle()});
}

void gateway::handle(const pop_answered& message) {
    pending request;
    if (!take(message.ticket, request))
        return;
    guarded(request.connection, [&] {
        if (message.failure.code != errc::none)
            return answer(request, encode_failure(message.failure));
        // Who looks without taking loses nothing. What was taken goes out all the same: it would be out for nothing.
        if (message.answer.kind == pop_kind::peek && host_.unsent_bytes(request.connection) > options_.unsent_answer_bytes_max)
            return answer(request, encode_failure({errc::busy, "too many unread bytes are on their way to this connection"}));
        const auto messages = note_popped(*roles_.broker->traffic, *roles_.broker->deliveries, request.group, request.queue.topic,
                                          message.answer, request.connection.value(), roles_.broker->now());
        roles_.broker->shares->charge(request.group, messages, host_.now());
        answer(request, encode_answer(message.answer));
    });
}

/// What nobody waits for any more is forgotten.
void gateway::abandon_waiting(const connection_state& state) {
    if (!state.pops.empty()) {
        pops_abandoned gone{{state.pops.begin(), state.pops.end()}, host_.handle()};
        std::sort(gone.tickets.begin(), gone.tickets.end());
        for (const auto ticket : gone.tickets)
            pending_.erase(ticket);
        caf::anon_send(roles_.broker->pops, std::move(gone));
    }
    if (state.pulls.empty())
        return;
    pull_abandoned gone{{state.pulls.begin(), state.pulls.end()}, host_.handle()};
    std::sort(gone.tickets.begin(), gone.tickets.end()); // the order of a hash set is no business of a simulation
    for (const auto ticket : gone.tickets)
        if (const auto pull = pending_.extract(ticket); !pull.empty())
            gone.queues.push_back(std::move(pull.mapped().queue));
    caf::anon_send(roles_.broker->broker, std::move(gone));
}

} // namespace troupe::actors::net
