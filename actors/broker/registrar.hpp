#pragma once

#include "actors/base/topic_directory.hpp"
#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

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
///       consumers_changed                   nothing follows from it: sessions can receive it, and this is one
///       beat_tick                           to itself: heartbeats, repeats, retries that are due
/// Out   use_name_servers and watch_topics to the broker; register_broker, broker_heartbeat, unregister_broker to each name server, at most one
///       outstanding per server
/// State per server: registered or not, and when to do what next
/// Always a server that failed or lost us is tried again, with back-off, until it works; how many there are and in which
///        order they start makes no difference.
/// Ends  on user_shutdown, and when the broker ends: unregisters everywhere first, waiting at most a second (or request_timeout, if
///        that is shorter).
registrar_actor spawn_registrar(caf::actor_system& system, registrar_options options, local_broker_actor broker,
                                std::shared_ptr<const topic_directory> topics, std::vector<name_server_actor> name_servers);

} // namespace troupe::actors
