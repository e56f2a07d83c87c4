#pragma once

#include "actors/messages/admin_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what only tools ask of a broker, about topics, groups, statistics and settings: requests are decoded and answers encoded.
namespace troupe::actors::net {

// Topics
TROUPE_WIRE_SERVED_BARE(change_topic, topic_put)
TROUPE_WIRE_SERVED_BARE(change_topics, topics_put)
TROUPE_WIRE_SERVED(find_topic_config, topic_config_found)
TROUPE_WIRE_SERVED(list_system_topics, system_topics_listed)
TROUPE_WIRE_SERVED(describe_topic_state, topic_state_described)

// Groups
TROUPE_WIRE_SERVED_BARE(put_groups, groups_put)
TROUPE_WIRE_SERVED_ORDER(describe_group_state)
TROUPE_WIRE_SERVED(describe_consumption, consumption_described)
TROUPE_WIRE_SERVED(query_forbidden, forbidden_found)
TROUPE_WIRE_SERVED_BARE(set_request_mode, request_mode_set)
TROUPE_WIRE_SERVED(list_request_modes, request_modes_listed)
TROUPE_WIRE_SERVED(query_assignment, assignment_found)

// The broker
TROUPE_WIRE_SERVED_BARE(clean_store, clean_begun)
TROUPE_WIRE_SERVED(view_statistics, statistics_viewed)
TROUPE_WIRE_SERVED(list_broker_config, broker_config_listed)
TROUPE_WIRE_SERVED_BARE(change_broker_config, broker_config_changed)

} // namespace troupe::actors::net
