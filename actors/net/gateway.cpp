#include "actors/net/gateway.hpp"

#include "actors/wire/wire.hpp"
#include "actors/wire/wire_pop.hpp"
#include "actors/wire/wire_transaction.hpp"
#include "protocol/request_code.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace troupe::actors::net {

namespace {

bool is_send(std::int32_t code) {
    return code == protocol::request_code::send_message || code == protocol::request_code::send_message_v2 ||
           code == protocol::request_code::send_batch_message;
}

/// The lite form is the same request, sent by consumers that assign their queues themselves.
bool is_pull(std::int32_t code) {
    return code == protocol::request_code::pull_message || code == protocol::request_code::lite_pull_message;
}

/// What may wait for messages to take, and what is served by the same role.
bool is_pop(std::int32_t code) {
    return code == protocol::request_code::pop_message || code == protocol::request_code::peek_message ||
           code == protocol::request_code::notification || code == protocol::request_code::polling_info;
}

/// What a waiting command keeps in memory.
std::size_t kept_bytes(const protocol::remoting_command& command) {
    std::size_t bytes = command.body.size() + command.remark.size();
    for (const auto& [name, value] : command.fields)
        bytes += name.size() + value.size();
    return bytes;
}

error too_many_requests(std::size_t requests_max) {
    return {errc::busy,
            "this connection already has " + std::to_string(requests_max) + " requests waiting for an answer; send fewer at once"};
}

} // namespace

gateway::gateway(gateway_host& host, gateway_roles roles, gateway_options options)
    : host_{host}, roles_{std::move(roles)}, options_{options} {
    if (roles_.broker)
        encoder_.emplace(roles_.broker->encoder);
}

// ---- connections ----------------------------------------------------------------------------------------------------

void gateway::connection_opened(connection_id connection, const protocol::host_address& peer) {
    connections_[connection].peer = peer;
}

void gateway::connection_closed(connection_id connection) {
    const auto found = connections_.find(connection);
    if (found == connections_.end())
        return;
    found->second.ended = true;
    // Whoever sends a one-way request and leaves has done nothing wrong.
    static_cast<void>(receive_frames(connection, found->second, std::exchange(found->second.delayed, {})));
    auto state = std::move(found->second);
    connections_.erase(found);
    std::erase(waiting_, connection);
    if (state.session) {
        for (auto& command : state.waiting)
            if (command.is_oneway())
                caf::anon_send(state.session, session_request{std::move(command)});
        caf::anon_send(state.session, session_closed{});
    }
    if (!broker_gone_)
        abandon_waiting(state);
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

std::size_t gateway::waiting_bytes(connection_id connection) const {
    const auto found = connections_.find(connection);
    if (found == connections_.end())
        return 0;
    auto bytes = found->second.waiting_bytes;
    for (const auto& frame : found->second.delayed)
        bytes += frame.size();
    return bytes;
}

bool gateway::wants_pause(connection_id connection) const {
    const auto found = connections_.find(connection);
    return found != connections_.end() && !found->second.delayed.empty();
}

result<void> gateway::go_on(connection_id connection) {
    const auto found = connections_.find(connection);
    if (found == connections_.end() || found->second.delayed.empty())
        return {};
    std::erase(waiting_, connection);
    return receive_frames(connection, found->second, std::exchange(found->second.delayed, {}));
}

bool gateway::has_byte_room(const connection_state& state) const {
    return 2 * state.in_flight_bytes <= options_.in_flight_bytes_per_connection_max &&
           2 * roles_.broker->appends->under_way() <= roles_.broker->appends->amount_max();
}

bool gateway::may_go_on(const connection_state& state) const {
    if (broker_gone_)
        return true;
    return state.quota_until <= host_.now() && 2 * state.oneway_requests <= options_.oneway_requests_pause &&
           (!roles_.broker || has_byte_room(state)) &&
           2 * (state.waiting.size() + state.session_requests) <= options_.session_requests_max &&
           2 * state.waiting_bytes <= options_.in_flight_bytes_per_connection_max;
}

void gateway::resume_waiting() {
    if (waiting_.empty())
        return;
    for (const auto connection : std::exchange(waiting_, {}))
        if (may_go_on(connections_.at(connection)))
            host_.resume(connection);
        else
            waiting_.push_back(connection);
}

result<void> gateway::receive(connection_id connection, std::span<const payload> frames) {
    const auto found = connections_.find(connection);
    if (found == connections_.end())
        return {};
    auto& delayed = found->second.delayed;
    if (delayed.empty())
        return receive_frames(connection, found->second, frames);
    delayed.insert(delayed.end(), frames.begin(), frames.end()); // nothing overtakes what waits
    return {};
}

result<void> gateway::receive_frames(connection_id connection, connection_state& state, std::span<const payload> frames) {
    if (roles_.broker)
        topics_ = roles_.broker->topics->current();
    for (std::size_t index = 0; index < frames.size(); ++index) {
        auto command = protocol::decode_frame(frames[index]);
        if (!command)
            return command.failure();
        if (command->is_response()) {
            receive_answer(state, std::move(*command));
            continue;
        }
        if (state.ended && !command->is_oneway())
            continue;
        if (!receive_command(connection, state, std::move(*command))) {
            state.delayed.assign(frames.begin() + static_cast<std::ptrdiff_t>(index), frames.end());
            waiting_.push_back(connection);
            break;
        }
    }
    return {};
}

bool gateway::receive_command(connection_id connection, connection_state& state, protocol::remoting_command command) {
    if (stopping_ && !command.is_oneway()) {
        refuse(connection, command, {errc::shutting_down, "this process is ending"});
        return true;
    }
    if (roles_.broker && is_send(command.code))
        return receive_send(connection, state, command);
    if (roles_.broker && roles_.broker->decisions && command.code == protocol::request_code::end_transaction)
        return receive_end(connection, state, command);
    if (roles_.broker && roles_.broker->pops && is_pop(command.code)) {
        receive_pop(connection, state, command);
        return true;
    }
    if (!roles_.broker || !is_pull(command.code))
        return pass_to_session(connection, state, std::move(command));
    receive_pull(connection, state, command);
    return true;
}

// ---- sends ----------------------------------------------------------------------------------------------------------

bool gateway::receive_send(connection_id connection, connection_state& state, protocol::remoting_command& command) {
    const auto refused = [this, connection, &command](const error& failure) {
        refuse(connection, command, failure);
        return true;
    };
    if (broker_gone_)
        return refused({errc::shutting_down, "this broker is ending"});
    const bool oneway = command.is_oneway();
    const bool can_wait = oneway && !state.ended;
    if (can_wait && (state.oneway_requests >= options_.oneway_requests_pause || !has_byte_room(state)))
        return false;
    if (!oneway && state.requests >= options_.requests_per_connection_max)
        return refused(too_many_requests(options_.requests_per_connection_max));
    auto send = decode_request<send_messages>(command);
    if (!send)
        return refused(send.failure());
    if (is_retry_topic(send->topic)) // the broker knows how many tries its group has
        return pass_to_session(connection, state, std::move(command));
    auto& quotas = *roles_.broker->quotas;
    if (can_wait)
        if (const auto wait = quotas.wait(send->topic, host_.now()); wait.count() > 0) {
            state.quota_until = host_.now() + std::chrono::duration_cast<gateway_host::time_point::duration>(wait);
            return false;
        }
    send->born_host = state.peer;
    auto encoded = encoder_->encode(*send, *topics_);
    if (!encoded) {
        if (encoded.code() == errc::topic_not_found) // the broker may create it
            return pass_to_session(connection, state, std::move(command));
        return refused(encoded.failure());
    }
    const auto bytes = encoded->records.bytes.size();
    if (oneway && state.ended) // it cannot wait any longer, and was taken when there was no telling its sender
        quotas.charge(send->topic, encoded->records.count, static_cast<std::int64_t>(bytes), host_.now());
    else if (const auto admitted = quotas.admit(send->topic, encoded->records.count, static_cast<std::int64_t>(bytes), host_.now());
             !admitted) {
        if (can_wait)
            return false; // looked at again a second later at the latest
        add(roles_.broker->metrics->sends_throttled);
        return refused(admitted.failure());
    }
    const bool over = state.in_flight_bytes > 0 && state.in_flight_bytes + bytes > options_.in_flight_bytes_per_connection_max;
    if (over || !roles_.broker->appends->try_acquire(bytes)) {
        if (can_wait)
            return false;
        add(roles_.broker->metrics->busy_answers);
        return refused({errc::busy, "too many bytes wait to be written; back off and send again"});
    }
    auto request = make_pending(pending_kind::send, connection, command);
    request.bytes = bytes;
    request.receipt = std::move(encoded->receipt);
    ++(oneway ? state.oneway_requests : state.requests);
    state.in_flight_bytes += bytes;
    if (collected_.entries.empty() && ends_.entries.empty())
        host_.wake();
    collected_.entries.push_back({next_ticket_, std::move(encoded->records)});
    pending_.emplace(next_ticket_++, std::move(request));
    return true;
}

/// What becomes of a half message: as often as half messages, so on the same path.
bool gateway::receive_end(connection_id connection, connection_state& state, protocol::remoting_command& command) {
    const auto refused = [this, connection, &command](const error& failure) {
        refuse(connection, command, failure);
        return true;
    };
    if (broker_gone_)
        return refused({errc::shutting_down, "this broker is ending"});
    const bool oneway = command.is_oneway();
    if (oneway && !state.ended && state.oneway_requests >= options_.oneway_requests_pause)
        return false;
    if (!oneway && state.requests >= options_.requests_per_connection_max)
        return refused(too_many_requests(options_.requests_per_connection_max));
    auto order = decode_request<end_transaction>(command);
    if (!order)
        return refused(order.failure());
    ++(oneway ? state.oneway_requests : state.requests);
    if (collected_.entries.empty() && ends_.entries.empty())
        host_.wake();
    ends_.entries.push_back({next_ticket_, std::move(*order)});
    pending_.emplace(next_ticket_++, make_pending(pending_kind::end, connection, command));
    return true;
}

bool gateway::is_idle() const {
    return std::none_of(pending_.begin(), pending_.end(), [](const auto& entry) { return !may_wait(entry.second.kind); }) &&
           std::none_of(connections_.begin(), connections_.end(),
                        [](const auto& entry) { return entry.second.session_requests > 0 || !entry.second.waiting.empty(); });
}

void gateway::flush() {
    if (!collected_.entries.empty()) {
        collected_.reply_to = host_.handle();
        caf::anon_send(roles_.broker->log_writer, std::exchange(collected_, {}));
    }
    if (!ends_.entries.empty()) {
        ends_.reply_to = host_.handle();
        caf::anon_send(roles_.broker->decisions, std::exchange(ends_, {}));
    }
}

template <class Work>
void gateway::guarded(connection_id connection, Work work) {
    try {
        work();
    } catch (const std::exception& problem) {
        host_.fail(connection, problem.what());
    }
}

void gateway::handle(const records_appended& message) {
    for (const auto& outcome : message.outcomes) {
        pending request;
        if (!take(outcome.ticket, request) || request.oneway)
            continue;
        guarded(request.connection, [&] {
            const bool is_end = request.kind == pending_kind::end;
            if (outcome.failure.code != errc::none)
                answer(request, is_end ? encode_end_transaction_failure(outcome.failure) : encode_failure(outcome.failure));
            else if (is_end)
                answer(request, encode_answer(transaction_ended{}));
            else
                answer(request, encode_answer(encoder_->describe(request.receipt, outcome.placed)));
        });
    }
    resume_waiting();
}

// ---- pulls ----------------------------------------------------------------------------------------------------------

void gateway::receive_pull(connection_id connection, connection_state& state, const protocol::remoting_command& command) {
    if (broker_gone_)
        return refuse(connection, command, {errc::shutting_down, "this broker is ending"});
    if (state.requests >= options_.requests_per_connection_max)
        return refuse(connection, command, too_many_requests(options_.requests_per_connection_max));
    auto pull = decode_request<pull_messages>(command);
    if (!pull)
        return refuse(connection, command, pull.failure());
    auto request = make_pending(pending_kind::pull, connection, command);
    request.deadline += std::chrono::milliseconds{std::clamp<std::int64_t>(pull->hold_ms, 0, 3'600'000)};
    request.group = pull->group;
    request.queue = {pull->topic, pull->queue};
    ++state.requests;
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
            return answer(request, encode_pull_failure(message.failure));
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
    if (broker_gone_)
        return refuse(connection, command, {errc::shutting_down, "this broker is ending"});
    if (state.requests >= options_.requests_per_connection_max)
        return refuse(connection, command, too_many_requests(options_.requests_per_connection_max));
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
    ++state.requests;
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

// ---- everything else ------------------------------------------------------------------------------------------------

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

// ---- answers --------------------------------------------------------------------------------------------------------

gateway::pending gateway::make_pending(pending_kind kind, connection_id connection, const protocol::remoting_command& command) const {
    pending request;
    request.kind = kind;
    request.connection = connection;
    request.opaque = command.opaque;
    request.codec = command.codec;
    request.oneway = command.is_oneway();
    request.deadline = host_.now() + options_.request_timeout;
    return request;
}

bool gateway::take(std::uint64_t ticket, pending& request) {
    const auto found = pending_.find(ticket);
    if (found == pending_.end())
        return false;
    request = std::move(found->second);
    pending_.erase(found);
    const auto connection = connections_.find(request.connection);
    if (connection == connections_.end())
        return false;
    auto& state = connection->second;
    --(request.oneway && !may_wait(request.kind) ? state.oneway_requests : state.requests);
    state.in_flight_bytes -= request.bytes;
    if (request.kind == pending_kind::pull)
        state.pulls.erase(ticket);
    if (request.kind == pending_kind::pop)
        state.pops.erase(ticket);
    return true;
}

void gateway::answer(const pending& request, protocol::remoting_command response) {
    if (request.oneway)
        return;
    address_answer(response, request.opaque, request.codec);
    const auto head = encode_answer_head(response);
    host_.write(request.connection, head, response.body);
}

void gateway::refuse(connection_id connection, const protocol::remoting_command& command, const error& failure) {
    if (command.is_oneway())
        return;
    auto response = encode_failure(failure);
    address_answer(response, command.opaque, command.codec);
    host_.write(connection, protocol::encode_frame(response), {});
}

void gateway::broker_ended() {
    if (!roles_.broker || std::exchange(broker_gone_, true))
        return;
    for (const auto& entry : std::exchange(collected_, {}).entries)
        roles_.broker->appends->release(entry.records.bytes.size());
    ends_ = {};
    std::vector<std::uint64_t> tickets;
    for (const auto& entry : pending_)
        tickets.push_back(entry.first);
    std::sort(tickets.begin(), tickets.end());
    for (const auto ticket : tickets)
        if (pending request; take(ticket, request))
            guarded(request.connection, [&] { answer(request, encode_failure({errc::shutting_down, "this broker is ending"})); });
    resume_waiting();
}

void gateway::expire() {
    const auto now = host_.now();
    std::vector<std::uint64_t> tickets;
    for (const auto& [ticket, request] : pending_)
        if (request.deadline < now)
            tickets.push_back(ticket);
    std::sort(tickets.begin(), tickets.end());
    for (const auto ticket : tickets)
        if (pending request; take(ticket, request))
            guarded(request.connection, [&] { answer(request, encode_failure({errc::timed_out, "the broker did not answer in time"})); });
    resume_waiting();
}

} // namespace troupe::actors::net
