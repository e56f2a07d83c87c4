#pragma once

#include "client/connection.hpp"
#include "client/internal/roles.hpp"
#include "client/internal/subscription_filter.hpp"
#include "protocol/vocabulary/result.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace troupe::client {

/// What heartbeats shall say of the group from now on.
struct tell_pop_subscriptions {
    protocol::consumer_data data;
};
using pop_member_actor = member_listener_actor::extend<caf::reacts_to<tell_pop_subscriptions>>;

/// Spawns what stands for a connection's pop consumers in their group: brokers list it as a member.
///
/// In     tell_pop_subscriptions        joins the group, or changes what is said of it
///        route_known, membership_changed   of the hub; nothing follows from them: who pops shares out no queues
///        forward_to_client -> client_answered    what tools ask: of running info, what it subscribes to; else not_supported
///        ask_client_status -> client_status_told    nothing: it has no queues
///        adopt_offsets                 nothing follows: brokers move what is popped themselves
/// Out    watch_topic, unwatch_topic, join_group to the hub
/// State  the topics that it watches, so that there are routes to the brokers that shall hear of it
/// Ends   on user_shutdown, and leaves the group; or with the hub.
pop_member_actor spawn_pop_member(caf::actor_system& system, hub_actor hub, client_options options);

/// The groups whose messages a connection pops. Its consumers of one group are one member: members are told apart by client id.
///
/// Threads  safe from any thread. Blocks: leaving waits for the brokers, up to the request timeout, and holds up other groups meanwhile,
///          also who joins one.
class pop_memberships {
public:
    /// A consumer was opened. Fails with already_exists when the connection has a push consumer of the group.
    result<void> join(const connection& via, const std::string& group, const std::string& topic, const subscription_filter& filter,
                      bool from_end);
    /// It was closed; the last one leaves the group.
    void leave(const connection& via, const std::string& group, const std::string& topic);

private:
    struct subscription {
        std::size_t consumers = 0;
        protocol::subscription_data told; ///< by the consumer that was opened last
    };
    struct membership {
        pop_member_actor member;
        protocol::consume_from from = protocol::consume_from::first_offset;
        std::map<std::string, subscription> topics;
    };
    static void tell(const std::string& group, const membership& all);

    std::mutex mutex_;
    std::map<std::string, membership> groups_;
};

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::tell_pop_subscriptions)
