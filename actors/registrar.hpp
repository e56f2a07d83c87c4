#pragma once

#include "actors/roles.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace troupe::actors {

/// The broker's topics are these now: register again. Sent by the broker, first as soon as it serves.
struct topics_changed {
    protocol::topic_table topics;
    template <class Inspector>
    friend auto inspect(Inspector& f, topics_changed& x) {
        return f(x.topics);
    }
};

/// The registrar as the broker sees it. It is also the broker's session at a name server in the same process.
using registrar_actor = caf::typed_actor<caf::reacts_to<topics_changed>, caf::reacts_to<consumers_changed>>;

struct registrar_options {
    std::string cluster = "DefaultCluster";
    std::string broker_name = "broker-a";
    broker_id id;
    std::string address;                                 ///< "ip:port" that clients dial
    std::chrono::milliseconds register_interval{30'000}; ///< full registration, even if nothing changed
    std::chrono::milliseconds heartbeat_interval{1'000}; ///< sign of life in between; finds a restarted name server
    std::chrono::milliseconds request_timeout{3'000};
    std::chrono::milliseconds retry_min{100}; ///< first wait after a failed registration; doubles
    std::chrono::milliseconds retry_max{5'000};
    std::chrono::milliseconds expire{0}; ///< told to the name server; 0: its default
};

/// Keeps one broker registered with every configured name server.
///
/// In    topics_changed                      registers everywhere at once
///       beat_tick                           to itself: heartbeats, repeats, retries that are due
/// Out   register_broker, broker_heartbeat, unregister_broker to each name server, at most one outstanding per server
/// State the last topic table; per server: registered or not, and when to do what next
/// Always  1. Nothing is registered before the first topics_changed.
///         2. A server that failed or lost us is tried again, with back-off, until it works.
/// Ends  on user_shutdown: unregisters everywhere first, waiting at most request_timeout.
registrar_actor spawn_registrar(caf::actor_system& system, registrar_options options, std::vector<name_server_actor> name_servers);

} // namespace troupe::actors
