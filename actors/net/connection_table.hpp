#pragma once

#include "actors/net/connection_buffer.hpp"
#include "actors/net/session.hpp"

#include <caf/io/connection_handle.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::actors::net {

/// One connection of a port, as its listener has it.
struct port_connection {
    using time_point = std::chrono::steady_clock::time_point;

    caf::io::connection_handle handle;
    connection_buffer in;
    bool halted = false;    ///< not read from, because its peer does not read or its requests have no room
    bool waking = false;    ///< a read_tick is on its way; only while halted
    bool written = false;   ///< listed by its listener as written to in this message
    bool queued = false;    ///< CAF holds bytes that the socket has not taken
    std::size_t unsent = 0; ///< bytes written that the socket has not taken; CAF's wr_buf is only a part of them
    bool doomed = false;    ///< to be dropped at the end of this message
    std::size_t kept = 0;   ///< its part of connection_table::kept_bytes
    time_point last_seen;   ///< of a read or a write
    time_point frame_began; ///< while it is inside a frame
};

struct connection_limits {
    std::size_t connections_max = 10'000;
    std::chrono::milliseconds idle_timeout{120'000};
    std::chrono::milliseconds half_frame_timeout{30'000};
    std::size_t kept_bytes_max = 1u << 30; ///< of all together
};

/// The connections of one port, by number and by socket. Says whom the port lets in and who has to go; the listener does it.
///
/// Threads  its listener's only.
/// Always   kept_bytes is the sum of what each was found to keep when it was last counted.
class connection_table {
public:
    using time_point = port_connection::time_point;

    explicit connection_table(connection_limits limits) : limits_{limits} {}

    /// Left free for files and outgoing connections: a process without descriptors cannot even refuse a connection, and the
    /// multiplexer then spins on the port.
    static constexpr std::size_t descriptors_reserved = 128;
    /// How many of `wanted` connections a process may have that may open so many descriptors.
    static std::size_t connections_beside(std::size_t wanted, std::size_t descriptors_max);

    enum class verdict : std::uint8_t {
        welcome,
        full,   ///< there are connections_max already
        scarce, ///< so few descriptors are left that the port should close for a while
    };
    [[nodiscard]] verdict look_at(caf::io::connection_handle newcomer, std::size_t descriptors_max) const;

    port_connection& add(connection_id id, caf::io::connection_handle handle, time_point now);
    /// Nothing happens if it is gone. What points to it is void afterwards, what points to others is not.
    void remove(connection_id id);
    [[nodiscard]] port_connection* find(connection_id id);
    /// A handle is the socket's number and comes again: it means the connection that has it now.
    [[nodiscard]] std::optional<connection_id> id_of(caf::io::connection_handle handle) const;
    [[nodiscard]] std::size_t size() const { return connections_.size(); }
    [[nodiscard]] std::vector<connection_id> all() const;

    /// Counts again what the connection keeps: its unfinished frame, the buffer of its next read, unsent answers, and
    /// `waiting_bytes` of requests elsewhere. Call after whatever may have changed it.
    void count_kept(connection_id id, std::size_t waiting_bytes);
    [[nodiscard]] std::size_t kept_bytes() const { return kept_; }
    /// Whom to drop because all together keep too much: who keeps most, and how much that is.
    [[nodiscard]] std::optional<std::pair<connection_id, std::size_t>> greediest() const;

    /// Who was silent for too long, or began a frame and did not end it, and in words which of them.
    [[nodiscard]] std::vector<std::pair<connection_id, std::string_view>> overdue(time_point now) const;

private:
    connection_limits limits_;
    std::unordered_map<connection_id, port_connection> connections_;
    std::unordered_map<caf::io::connection_handle, connection_id> ids_;
    std::size_t kept_ = 0;
};

} // namespace troupe::actors::net
