#include "actors/net/listener_state.hpp"

// Bytes into a listener, and when it waits with them.

namespace troupe::actors::net {

void listener_state::receive(const caf::io::new_data_msg& message) {
    const auto id = connections_.id_of(message.handle);
    if (!id)
        return;
    auto& each = *connections_.find(*id);
    each.last_seen = now();
    if (!each.in.is_inside_frame())
        each.frame_began = each.last_seen;
    guarded(*id, [&] {
        each.in.receive(message.buf);
        if (!each.halted)
            pump(*id, each);
    });
}

/// Handles the frames that are complete, and decides how to read on. halt() alone is not enough: CAF may deliver up to
/// middleman.max-consecutive-reads more buffers after it. They are small then, and taken as they come: part of an exact
/// read would be forgotten when the connection is triggered again.
void listener_state::pump(connection_id id, port_connection& each) {
    const bool unread = each.unsent > options_.write_high_water_bytes;
    if (!unread && !handle_frames(id, each))
        return;
    if (!unread && !gateway_->wants_pause(id))
        return read_by_plan(each);
    each.halted = true;
    self_->halt(each.handle);
    self_->configure_read(each.handle, caf::io::receive_policy::at_most(connection_buffer::small_read_bytes));
}

/// False: the connection was dropped.
bool listener_state::handle_frames(connection_id id, port_connection& each) {
    std::vector<payload> frames;
    auto taken = each.in.take_frames(frames);
    if (!frames.empty())
        each.frame_began = each.last_seen;
    auto received = gateway_->receive(id, frames);
    if (taken && received)
        return true;
    drop(id, !taken ? taken.failure().text : received.failure().text);
    return false;
}

void listener_state::read_by_plan(port_connection& each) {
    const auto plan = each.in.plan();
    self_->configure_read(each.handle,
                          plan.exact ? caf::io::receive_policy::exactly(plan.bytes) : caf::io::receive_policy::at_most(plan.bytes));
}

void listener_state::resume(connection_id id) {
    auto* each = connections_.find(id);
    if (each != nullptr && each->halted && !std::exchange(each->waking, true))
        later(read_tick{id});
}

void listener_state::handle(const read_tick& tick) {
    auto* each = connections_.find(tick.connection);
    if (each != nullptr && std::exchange(each->waking, false))
        guarded(tick.connection, [&] { read_again(tick.connection, *each); });
}

/// Goes on with a connection that was halted, if there is no reason left to wait. Whatever waits was received before, so it
/// is handled before CAF is told to read: this must not halt what it has just triggered.
void listener_state::read_again(connection_id id, port_connection& each) {
    if (each.unsent > options_.write_high_water_bytes)
        return;
    if (const auto went_on = gateway_->go_on(id); !went_on)
        return drop(id, went_on.failure().text);
    if (gateway_->wants_pause(id) || !handle_frames(id, each) || gateway_->wants_pause(id))
        return;
    each.halted = false;
    each.frame_began = now();
    read_by_plan(each);
    self_->trigger(each.handle);
}

/// The peer has closed. What it had sent before that is still taken.
void listener_state::ended(caf::io::connection_handle handle) {
    const auto id = connections_.id_of(handle);
    if (!id)
        return;
    auto& each = *connections_.find(*id);
    if (each.halted)
        guarded(*id, [&] { handle_frames(*id, each); });
    closed(*id);
}

} // namespace troupe::actors::net
