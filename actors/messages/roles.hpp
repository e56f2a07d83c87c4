#pragma once

#include "actors/messages/messages.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

/// The two roles that other processes talk to, with what clients need most. A handle may be the role itself or a proxy that turns messages
/// into remoting frames; nobody can tell. What else they are asked is in interfaces beside: see docs/ARCHITECTURE.md, Interfaces.
///
/// Every order is answered exactly once: by its result, or by an error of category "troupe" whose code is an `errc`.
/// A remote role answers timed_out, connection_lost or connect_failed itself; the outcome is then unknown.
/// The roles inside a broker process (log writer, indexer, queue, offset keeper, ...) are in `internal_roles.hpp`.
namespace troupe::actors {

/// Knows which brokers live and which topics they have. Keeps nothing on disk.
using name_server_actor =
    caf::typed_actor<caf::replies_to<register_broker>::with<broker_registered>,
                     caf::replies_to<unregister_broker>::with<broker_unregistered>,
                     caf::replies_to<broker_heartbeat>::with<broker_registered>, caf::replies_to<find_route>::with<route_found>,
                     caf::replies_to<describe_cluster>::with<cluster_described>, caf::replies_to<list_all_topics>::with<all_topics>,
                     caf::replies_to<forget_route>::with<route_forgotten>>;

/// Stores messages and hands them out.
using broker_actor = caf::typed_actor<
    // producers
    caf::replies_to<send_messages>::with<messages_stored>,
    // consumers
    caf::replies_to<pull_messages>::with<messages_pulled>, caf::replies_to<commit_offset>::with<offset_committed>,
    caf::replies_to<query_offset>::with<offset_found>, caf::replies_to<find_max_offset>::with<offset_found>,
    caf::replies_to<find_min_offset>::with<offset_found>, caf::replies_to<search_offset>::with<offset_found>,
    // membership
    caf::replies_to<client_heartbeat>::with<heartbeat_accepted>, caf::replies_to<unregister_client>::with<client_unregistered>,
    caf::replies_to<list_group_members>::with<group_members>,
    // administration
    caf::replies_to<put_topic>::with<topic_put>, caf::replies_to<delete_topic>::with<topic_deleted>,
    caf::replies_to<list_topics>::with<topics_listed>, caf::replies_to<describe_topic>::with<topic_described>,
    caf::replies_to<put_group>::with<group_put>, caf::replies_to<delete_group>::with<group_deleted>,
    caf::replies_to<list_groups>::with<groups_listed>, caf::replies_to<describe_group>::with<group_described>,
    caf::replies_to<describe_broker>::with<broker_described>>;

} // namespace troupe::actors
