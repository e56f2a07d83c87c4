#include "actors/net/gateway.hpp"

#include "actors/wire/wire.hpp"
#include "protocol/request_code.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors::net {

namespace {

namespace code = protocol::request_code;

bool is_send(std::int32_t request) {
    return request == code::send_message || request == code::send_message_v2 || request == code::send_batch_message;
}

/// The lite form is the same request, sent by consumers that assign their queues themselves.
bool is_pull(std::int32_t request) {
    return request == code::pull_message || request == code::lite_pull_message;
}

/// What may wait for messages to take, and what is served by the same role.
bool is_pop(std::int32_t request) {
    return request == code::pop_message || request == code::peek_message || request == code::notification || request == code::polling_info;
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

bool gateway::has_oneway_room(pending_kind kind, const connection_state& state) const {
    return state.oneway_requests < options_.oneway_requests_pause && (kind != pending_kind::send || has_byte_room(state));
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

std::optional<gateway::pending_kind> gateway::kind_of(std::int32_t request) const {
    if (!roles_.broker)
        return std::nullopt;
    if (is_send(request))
        return pending_kind::send;
    if (is_pull(request))
        return pending_kind::pull;
    if (roles_.broker->pops && is_pop(request))
        return pending_kind::pop;
    if (roles_.broker->decisions && request == code::end_transaction)
        return pending_kind::end;
    return std::nullopt;
}

bool gateway::receive_command(connection_id connection, connection_state& state, protocol::remoting_command command) {
    const auto refused = [this, connection, &command](const error& failure) {
        refuse(connection, command, failure);
        return true;
    };
    if (stopping_ && !command.is_oneway())
        return refused({errc::shutting_down, "this process is ending"});
    const auto kind = kind_of(command.code);
    if (!kind)
        return pass_to_session(connection, state, std::move(command));
    if (broker_gone_)
        return refused({errc::shutting_down, "this broker is ending"});
    const bool oneway_write = is_oneway_write(*kind, command.is_oneway());
    if (oneway_write && !state.ended && !has_oneway_room(*kind, state))
        return false;
    if (!oneway_write && state.requests >= options_.requests_per_connection_max)
        return refused(too_many_requests(options_.requests_per_connection_max));
    switch (*kind) {
    case pending_kind::send: return receive_send(connection, state, command);
    case pending_kind::end: receive_end(connection, state, command); break;
    case pending_kind::pull: receive_pull(connection, state, command); break;
    case pending_kind::pop: receive_pop(connection, state, command); break;
    }
    return true;
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
    --state.count_of(request.kind, request.oneway);
    state.in_flight_bytes -= request.bytes;
    if (request.kind == pending_kind::pull)
        state.pulls.erase(ticket);
    if (request.kind == pending_kind::pop)
        state.pops.erase(ticket);
    return true;
}

error gateway::too_many_requests(std::size_t requests_max) {
    return {errc::busy,
            "this connection already has " + std::to_string(requests_max) + " requests waiting for an answer; send fewer at once"};
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

bool gateway::is_idle() const {
    return std::none_of(pending_.begin(), pending_.end(), [](const auto& entry) { return !may_wait(entry.second.kind); }) &&
           std::none_of(connections_.begin(), connections_.end(),
                        [](const auto& entry) { return entry.second.session_requests > 0 || !entry.second.waiting.empty(); });
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
