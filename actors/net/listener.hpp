#pragma once

#include "actors/net/gateway_options.hpp"
#include "protocol/vocabulary/result.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace troupe::actors::net {

struct listener_options {
    std::string host = "127.0.0.1";                       ///< address to bind, numeric; "0.0.0.0" for every interface
    std::uint16_t port = 0;                               ///< 0: the system picks one
    std::size_t connections_max = 10'000;                 ///< lowered to what the process may open; beyond: closed at once
    std::chrono::milliseconds idle_timeout{120'000};      ///< without reads and writes, as RocketMQ
    std::chrono::milliseconds half_frame_timeout{30'000}; ///< from a frame's first byte to its last
    std::size_t write_high_water_bytes = 4u << 20;        ///< unsent bytes of one connection above which its requests wait
    std::size_t write_low_water_bytes = 1u << 20;
    std::size_t unsent_bytes_max = 64u << 20; ///< unsent bytes above which the connection is dropped
    /// What all connections keep together: unfinished frames, requests that wait, unsent answers. Beyond it, those that keep
    /// most are dropped, so that many connections, each inside its own bounds, cannot take all memory.
    std::size_t kept_bytes_max = 1u << 30;
    /// How long a busy port rests after a round at most, so that the next finds more requests; see request_coalescing.
    std::chrono::microseconds rest_max{150};
};

/// A listener that serves.
struct bound_listener {
    /// End it with exit_reason::user_shutdown, before the roles: it closes the port, refuses what is new, answers what it has
    /// accepted, for a second at most, and then closes every connection.
    caf::actor handle;
    std::uint16_t port = 0;
};

/// Opens `options.host:options.port` and serves `roles` to every connection, in CAF's multiplexer thread.
///
/// In     bytes; records_appended, pull_answered, session_answered, client_question from the roles
/// Out    what `gateway.hpp` says
/// State  connections, each with its unfinished frame and unsent bytes, all bounded
/// Always whatever a peer sends, or does not read, costs its own connection only.
/// Fails  with address_in_use or io, naming host and port.
result<bound_listener> spawn_listener(caf::actor_system& system, listener_options options, gateway_roles roles,
                                      gateway_options gateway = {});

} // namespace troupe::actors::net
