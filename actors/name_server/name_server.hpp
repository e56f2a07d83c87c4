#pragma once

#include "actors/messages/name_server_admin.hpp"
#include "actors/name_server/kv_keeper.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace troupe::actors {

struct name_server_options {
    std::chrono::milliseconds scan_interval{5'000}; ///< how often silent brokers are looked for
    bool order_messages = false;                    ///< tell clients the queues of ordered topics (RocketMQ: orderMessageEnable)
    bool return_order_topics = true;                ///< tell brokers which topics are ordered (RocketMQ: returnOrderTopicConfigToBroker)
    std::string kv_config_path;                     ///< file of the KV config; empty: kept in memory only
    std::uint16_t listen_port = 0;                  ///< for tools to see; 0: not known
};

/// The KV config of a name server: what was on disk at the start, and who keeps it there.
struct name_server_kv {
    kv_config config;
    kv_keeper_actor keeper; ///< null: changes are kept in memory only
};

/// Knows which brokers live and which topics they have; the decisions are in `route_table`. Also keeps texts for operators
/// (`kv_config`), of which those about ordered topics go to brokers and clients.
///
/// In    everything of name_server_actor (roles.hpp) and name_server_admin_actor
///       scan_tick                           to itself, every options.scan_interval
/// Out   write_kv_config to the keeper, one at a time; else nothing but answers
/// State one route_table and one kv_config (sole owner); one monitored session per registered broker; at most 1,024 changes of the
///       KV config that wait for the disk
/// Always 1. One session speaks for one broker, the last it registered, and its end takes that broker out of the routes at once.
///        2. A change of the KV config is seen by nobody before it is on disk, if there is a keeper.
/// Ends  when told to (user_shutdown), and with its keeper. Of the routes it keeps nothing on disk: brokers register again.
local_name_server_actor spawn_name_server(caf::actor_system& system, name_server_options options = {}, name_server_kv kv = {});

} // namespace troupe::actors
