#pragma once

#include "actors/messages/member_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for connected clients and the offsets of their groups: what a port decodes and answers, and what a session asks its
/// client.
namespace troupe::actors::net {

TROUPE_WIRE_SERVED_ORDER(remote_heartbeat)
TROUPE_WIRE_BOTH_BARE(deliver_reply, reply_delivered)
TROUPE_WIRE_SERVED(list_consumer_connections, consumer_connections_listed)
TROUPE_WIRE_SERVED(list_producer_connections, producer_connections_listed)
TROUPE_WIRE_SERVED(list_producers, producers_listed)
TROUPE_WIRE_SERVED(list_topic_readers, topic_readers_listed)
TROUPE_WIRE_SERVED(list_group_topics, group_topics_listed)
TROUPE_WIRE_SERVED(find_subscription, subscription_found)
TROUPE_WIRE_SERVED(ask_member, client_answered)
TROUPE_WIRE_ASKED(forward_to_client, client_answered)
TROUPE_WIRE_SERVED(ask_members_status, members_status_told)
TROUPE_WIRE_BOTH(ask_client_status, client_status_told)
TROUPE_WIRE_SERVED_BARE(clone_offsets, offsets_cloned)
TROUPE_WIRE_SERVED_ORDER(adopt_offsets)

} // namespace troupe::actors::net
