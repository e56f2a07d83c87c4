#include "actors/net/link.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::actors::net {

namespace {

/// How late a deadline may be noticed. Rough on purpose: one timer per request would cost more than the request.
constexpr std::chrono::milliseconds expire_interval{100};

} // namespace

link::link(link_transport& transport, std::string address, link_options options, push_handler on_push)
    : transport_{transport}, address_{std::move(address)}, options_{options}, on_push_{std::move(on_push)}, retry_{options.retry_min} {}

error link::refusal() const {
    if (state_ == link_state::closed)
        return {errc::shutting_down, "the connection to " + address_ + " was closed by this process"};
    if (state_ == link_state::disconnected && transport_.now() < next_dial_)
        return dial_failure_;
    if (pending_.size() >= options_.requests_max)
        return {errc::busy, std::to_string(pending_.size()) + " requests to " + address_ + " wait for an answer; send fewer at once"};
    if (waiting_bytes_ + transport_.unsent_bytes() > options_.unsent_bytes_max)
        return {errc::busy, "too many bytes wait to be sent to " + address_ + "; send fewer at once"};
    return {};
}

void link::request(protocol::remoting_command command, std::chrono::milliseconds timeout, completion done) {
    if (auto refused = refusal(); refused.code != errc::none)
        return done(std::move(refused));
    do {
        last_opaque_ = last_opaque_ == INT32_MAX ? 1 : last_opaque_ + 1;
    } while (pending_.contains(last_opaque_));
    command.opaque = last_opaque_;
    command.codec = protocol::header_codec::binary;
    auto head = protocol::encode_frame_head(command, command.body.size());
    if (!head)
        return done(head.failure());
    auto& entry = pending_[last_opaque_];
    entry.done = std::move(done);
    entry.sent = transport_.now();
    entry.deadline = entry.sent + timeout;
    if (!std::exchange(awake_, true))
        transport_.wake_in(expire_interval);
    if (state_ == link_state::connected)
        return transport_.write(*head, command.body);
    waiting_bytes_ += head->size() + command.body.size();
    entry.head = std::move(*head);
    entry.body = std::move(command.body);
    if (state_ == link_state::disconnected) {
        state_ = link_state::dialing;
        transport_.dial();
    }
}

void link::answer(const protocol::remoting_command& asked, protocol::remoting_command response) {
    if (state_ != link_state::connected)
        return;
    response.opaque = asked.opaque;
    response.codec = asked.codec;
    response.flag = protocol::command_flag::response;
    if (const auto head = protocol::encode_frame_head(response, response.body.size()))
        transport_.write(*head, response.body);
}

void link::connected() {
    if (state_ == link_state::closed)
        return transport_.hang_up();
    state_ = link_state::connected;
    ++connection_number_;
    heard_ = false;
    connected_at_ = transport_.now();
    waiting_bytes_ = 0;
    last_received_ = connected_at_;
    for (auto& entry : pending_) {
        entry.second.sent = last_received_;
        transport_.write(std::exchange(entry.second.head, {}), std::exchange(entry.second.body, {}));
    }
    if (connection_number_ > 1 && on_change_)
        on_change_(link_change::another);
}

void link::dial_failed(const error& failure) {
    if (state_ == link_state::closed)
        return;
    state_ = link_state::disconnected;
    dial_failure_ = failure;
    next_dial_ = transport_.now() + retry_;
    retry_ = std::min(retry_ * 2, options_.retry_max);
    fail_all(failure);
}

void link::disconnected() {
    if (state_ == link_state::closed)
        return;
    state_ = link_state::disconnected;
    silent_since_.reset();
    if (!heard_)
        put_off_next_dial();
    fail_all({errc::connection_lost, "the connection to " + address_ + " ended before the answer; the outcome is unknown"});
    if (on_change_)
        on_change_(link_change::ended);
}

/// A dial that succeeds says nothing yet: a full server, or a balancer without a server behind it, accepts and closes.
void link::put_off_next_dial() {
    dial_failure_ = {errc::connect_failed,
                     address_ + " closed the last connection without a word; is it full, and does it speak remoting?"};
    next_dial_ = connected_at_ + retry_;
    retry_ = std::min(retry_ * 2, options_.retry_max);
}

result<void> link::receive(std::span<const payload> frames) {
    last_received_ = transport_.now();
    silent_since_.reset();
    for (const auto& frame : frames) {
        auto command = protocol::decode_frame(frame);
        if (!command)
            return command.failure();
        if (!std::exchange(heard_, true))
            retry_ = options_.retry_min;
        if (!command->is_response()) {
            on_push_(*command);
            continue;
        }
        const auto found = pending_.find(command->opaque);
        if (found == pending_.end())
            continue; // its deadline has passed
        auto done = std::move(found->second.done);
        pending_.erase(found);
        done(std::move(*command));
    }
    return {};
}

void link::expire() {
    awake_ = false;
    const auto now = transport_.now();
    std::vector<completion> overdue;
    for (auto entry = pending_.begin(); entry != pending_.end();) {
        if (entry->second.deadline > now) {
            ++entry;
            continue;
        }
        if (state_ == link_state::connected && last_received_ <= entry->second.sent)
            silent_since_ = std::min(silent_since_.value_or(entry->second.sent), entry->second.sent);
        waiting_bytes_ -= std::min(waiting_bytes_, entry->second.head.size() + entry->second.body.size());
        overdue.push_back(std::move(entry->second.done));
        entry = pending_.erase(entry);
    }
    for (auto& done : overdue)
        done(error{errc::timed_out, address_ + " did not answer in time; the outcome is unknown"});
    give_up_silent(now);
    if ((!pending_.empty() || silent_since_) && !std::exchange(awake_, true))
        transport_.wake_in(expire_interval);
}

void link::give_up_silent(link_transport::time_point now) {
    if (!silent_since_ || now - *silent_since_ < options_.request_timeout)
        return;
    silent_since_.reset();
    if (state_ != link_state::connected)
        return;
    transport_.hang_up();
    disconnected();
}

void link::close() {
    if (std::exchange(state_, link_state::closed) == link_state::connected)
        transport_.hang_up();
    fail_all({errc::shutting_down, "the connection to " + address_ + " was closed by this process"});
}

void link::fail_all(const error& failure) {
    waiting_bytes_ = 0;
    for (auto& entry : std::exchange(pending_, {}))
        entry.second.done(failure);
}

} // namespace troupe::actors::net
