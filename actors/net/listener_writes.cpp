#include "actors/base/log.hpp"
#include "actors/net/listener_state.hpp"
#include "actors/net/socket.hpp"

#include <cstddef>

// Bytes out of a listener, and whom it drops.

namespace troupe::actors::net {

namespace {

/// Between two sweeps: a peer must not be able to fill the log.
constexpr std::size_t drops_logged_max = 5;

} // namespace

void listener_state::write(connection_id id, std::string_view head, const payload& body) {
    auto* each = connections_.find(id);
    if (each == nullptr || each->doomed)
        return;
    auto& out = self_->wr_buf(each->handle);
    const auto bytes = head.size() + body.size();
    if (each->unsent > 0 && each->unsent + bytes > options_.unsent_bytes_max)
        return fail(id, "its peer does not read");
    out.insert(out.end(), head.begin(), head.end());
    const auto view = body.view();
    out.insert(out.end(), view.begin(), view.end());
    each->unsent += bytes;
    if (!std::exchange(each->written, true))
        written_.push_back(id);
}

std::size_t listener_state::unsent_bytes(connection_id id) {
    const auto* each = connections_.find(id);
    return each == nullptr ? 0 : each->unsent;
}

void listener_state::send_written() {
    for (const auto id : std::exchange(written_, {})) {
        auto* each = connections_.find(id);
        if (each == nullptr)
            continue;
        each->written = false;
        send_some(id, *each);
        count_kept(id);
    }
    for (const auto& [id, reason] : std::exchange(doomed_, {}))
        drop(id, reason);
    while (const auto most = connections_.greediest())
        drop(most->first, "the connections to this port keep more than network.kept_bytes_max together, and this one keeps most (" +
                              std::to_string(most->second) + " bytes)");
}

/// Most answers fit into the socket at once. Sending them here saves CAF's two changes of the epoll set and one more round
/// of its loop per answer, which is a third of all system calls; only what is left goes CAF's way.
void listener_state::send_some(connection_id id, port_connection& each) {
    auto& out = self_->wr_buf(each.handle);
    if (!each.queued) {
        const auto sent = send_now(static_cast<int>(each.handle.id()), {out.data(), out.size()});
        each.last_seen = now();
        if (sent == out.size()) {
            out.clear();
            each.unsent = 0;
            return gateway_->connection_drained(id);
        }
        out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sent));
        each.queued = true;
        each.unsent = out.size();
    }
    self_->flush(each.handle);
}

void listener_state::transferred(const caf::io::data_transferred_msg& message) {
    const auto id = connections_.id_of(message.handle);
    if (!id)
        return;
    auto& each = *connections_.find(*id);
    each.last_seen = now();
    each.queued = message.remaining > 0;
    each.unsent = message.remaining;
    if (message.remaining > options_.write_low_water_bytes)
        return;
    guarded(*id, [&] {
        gateway_->connection_drained(*id);
        resume(*id);
    });
}

void listener_state::fail(connection_id id, std::string_view reason) {
    auto* each = connections_.find(id);
    if (each != nullptr && !std::exchange(each->doomed, true))
        doomed_.emplace_back(id, reason); // not dropped here: the gateway is in the middle of something
}

void listener_state::drop(connection_id id, std::string_view reason) {
    const auto* each = connections_.find(id);
    if (each == nullptr)
        return;
    const auto handle = each->handle;
    if (++dropped_ <= drops_logged_max)
        write_log(log_level::info, "listener: dropped the connection of " + self_->remote_addr(handle) + ":" +
                                       std::to_string(self_->remote_port(handle)) + ": " + std::string{reason});
    self_->wr_buf(handle).clear();
    reset_socket(static_cast<int>(handle.id()));
    self_->close(handle);
    closed(id);
}

void listener_state::log_more_drops() {
    if (dropped_ > drops_logged_max)
        write_log(log_level::info, "listener: dropped " + std::to_string(dropped_ - drops_logged_max) + " more connections");
    dropped_ = 0;
}

void listener_state::closed(connection_id id) {
    connections_.remove(id);
    gateway_->connection_closed(id);
}

} // namespace troupe::actors::net
