#pragma once

#include "client/connection.hpp"
#include "client/internal/roles.hpp"

#include <caf/fwd.hpp>

#include <functional>
#include <string>
#include <vector>

namespace troupe::client {

/// Where the hub gets its handles from.
struct hub_endpoints {
    std::vector<actors::name_server_actor> name_servers; ///< asked in this order
    /// A handle for a broker that a route names; an invalid handle when there is none.
    std::function<actors::broker_actor(const std::string& broker_name, const std::string& address)> dial;
    bool owned = false; ///< end the handles with the hub: they are proxies that only it uses
};

/// One client's view of the cluster: routes, broker handles, heartbeats. Decisions are in `route_cache`, `route_question` and
/// `broker_links`.
///
/// In     watch_topic, unwatch_topic, suspect_route, suspect_broker, join_group, join_producers
///        find_broker -> broker_dialed
///        leave_group -> group_left            after the brokers have answered, or the request timeout
///        list_name_servers, dial_broker       for callers that ask brokers themselves
///        consumers_changed, check_transaction, deliver_reply from brokers: it is the client's session; likewise what they ask of members,
///        and tell them: forward_to_client -> client_answered, ask_client_status -> client_status_told, adopt_offsets. Without a member of
///        the group: group_not_found
///        connection_changed from proxies of brokers: the broker is told again who is here, at once over another connection, and soon
///        after the end of one, which makes another
///        hub_tick                             to itself, when the next route or heartbeat is due
///        DOWN of a listener                   it leaves its groups, its watches go
/// Out    find_route to name servers; client_heartbeat, unregister_client to brokers
///        route_known, membership_changed, transaction_asked, reply_arrived to listeners; what members are asked to those of groups
/// State  one route_cache; one broker_links; one consumer_data per group
/// Always a listener gets route_known at least once for every watch_topic, if any name server answers.
/// Ends   on user_shutdown.
hub_actor spawn_hub(caf::actor_system& system, hub_endpoints endpoints, client_options options);

} // namespace troupe::client
