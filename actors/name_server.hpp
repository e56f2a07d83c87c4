#pragma once

#include "actors/roles.hpp"

#include <caf/fwd.hpp>

#include <chrono>

namespace troupe::actors {

struct name_server_options {
    std::chrono::milliseconds scan_interval{5'000}; ///< how often silent brokers are looked for
};

/// Knows which brokers live and which topics they have; the decisions are in `route_table`.
///
/// In    register_broker, unregister_broker, broker_heartbeat, find_route, describe_cluster, list_all_topics, forget_route
///       scan_tick                           to itself, every options.scan_interval
/// Out   nothing but answers
/// State one route_table (sole owner); one monitored session per registered broker
/// Always one session speaks for one broker, the last it registered, and its end takes that broker out of the routes at once.
/// Ends  when told to (user_shutdown); keeps nothing on disk: brokers register again.
name_server_actor spawn_name_server(caf::actor_system& system, name_server_options options = {});

} // namespace troupe::actors
