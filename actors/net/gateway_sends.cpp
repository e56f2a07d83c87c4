#include "actors/net/gateway.hpp"
#include "actors/wire/wire.hpp"
#include "actors/wire/wire_transaction.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/send.hpp>

#include <utility>

// Sends, and what becomes of half messages: what is collected for one append.

namespace troupe::actors::net {

bool gateway::receive_send(connection_id connection, connection_state& state, protocol::remoting_command& command) {
    const auto refused = [this, connection, &command](const error& failure) {
        refuse(connection, command, failure);
        return true;
    };
    const bool oneway = command.is_oneway();
    const bool can_wait = oneway && !state.ended;
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
    ++state.count_of(pending_kind::send, oneway);
    state.in_flight_bytes += bytes;
    if (collected_.entries.empty() && ends_.entries.empty())
        host_.wake();
    collected_.entries.push_back({next_ticket_, std::move(encoded->records)});
    pending_.emplace(next_ticket_++, std::move(request));
    return true;
}

/// What becomes of a half message: as often as half messages, so on the same path.
void gateway::receive_end(connection_id connection, connection_state& state, const protocol::remoting_command& command) {
    auto order = decode_request<end_transaction>(command);
    if (!order)
        return refuse(connection, command, order.failure());
    ++state.count_of(pending_kind::end, command.is_oneway());
    if (collected_.entries.empty() && ends_.entries.empty())
        host_.wake();
    ends_.entries.push_back({next_ticket_, std::move(*order)});
    pending_.emplace(next_ticket_++, make_pending(pending_kind::end, connection, command));
}

std::size_t gateway::flush() {
    const auto handed_on = collected_.entries.size() + ends_.entries.size();
    if (!collected_.entries.empty()) {
        collected_.reply_to = host_.handle();
        caf::anon_send(roles_.broker->log_writer, std::exchange(collected_, {}));
    }
    if (!ends_.entries.empty()) {
        ends_.reply_to = host_.handle();
        caf::anon_send(roles_.broker->decisions, std::exchange(ends_, {}));
    }
    return handed_on;
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

} // namespace troupe::actors::net
