#pragma once

#include "actors/messages/name_server_admin.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what RocketMQ's brokers and tools ask of a name server: requests are decoded and answers encoded, never the
/// other way round.
namespace troupe::actors::net {

// Brokers and routes
TROUPE_WIRE_SERVED(announce_broker, broker_announced)
TROUPE_WIRE_SERVED(describe_route, route_described)
TROUPE_WIRE_SERVED_BARE(drop_route, route_forgotten)
TROUPE_WIRE_SERVED_BARE(add_route, route_added)
TROUPE_WIRE_SERVED(change_write_perm, write_perm_changed)
TROUPE_WIRE_SERVED(query_version, version_found)
TROUPE_WIRE_SERVED(find_broker_members, broker_members_found)

// Names
TROUPE_WIRE_SERVED(list_filtered_topics, topics_found)
TROUPE_WIRE_SERVED_ORDER(list_cluster_topics) // answered likewise
TROUPE_WIRE_SERVED(list_name_topics, name_topics_listed)

// KV config
TROUPE_WIRE_SERVED_BARE(put_kv_config, kv_config_changed)
TROUPE_WIRE_SERVED_BARE(delete_kv_config, kv_config_changed)
TROUPE_WIRE_SERVED(find_kv_config, kv_config_found)
TROUPE_WIRE_SERVED(list_kv_config, kv_config_listed)

// Settings
TROUPE_WIRE_SERVED(list_name_server_config, name_server_config_listed)
TROUPE_WIRE_SERVED_BARE(change_name_server_config, name_server_config_changed)

} // namespace troupe::actors::net
