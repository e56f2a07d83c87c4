#pragma once

#include "actors/messages/member_messages.hpp"
#include "actors/messages/roles.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "actors/net/connection_news.hpp"
#include "client/message.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// What the actors of a client say to each other. None of it leaves the process.
namespace troupe::client {

/// A topic's queues with the handles of their brokers. Immutable: replaced when the route changes.
struct topic_routing {
    std::string topic;
    std::vector<message_queue> writable; ///< sorted
    std::vector<message_queue> readable; ///< sorted
    std::map<std::string, actors::broker_actor> brokers;
};
using routing_ptr = std::shared_ptr<const topic_routing>;

// ---- hub to producers and consumers ---------------------------------------------------------------------------------

/// A topic's route is known or has changed; or (routing is null) it cannot be found, and why.
struct route_known {
    std::string topic;
    routing_ptr routing;
    error failure;
};
/// A broker says that members changed, or has just learned of us.
struct membership_changed {
    std::string group;
};
using hub_listener_actor = caf::typed_actor<caf::reacts_to<route_known>, caf::reacts_to<membership_changed>>;

/// A broker does not know what became of a half message of the group.
struct transaction_asked {
    actors::check_transaction question;
};
/// Somebody has answered a request of this client; all its requesters hear of each.
struct reply_arrived {
    actors::deliver_reply reply;
};
using producer_listener_actor = hub_listener_actor::extend<caf::reacts_to<transaction_asked>, caf::reacts_to<reply_arrived>>;

/// A member of a group: brokers' questions and orders for it are passed on as they come.
using member_listener_actor = hub_listener_actor::extend_with<actors::asked_member_actor>::extend_with<actors::offset_adopter_actor>;

// ---- to the hub -----------------------------------------------------------------------------------------------------

struct watch_topic {
    std::string topic;
    bool may_create = false; ///< a producer: the template topic will do
    hub_listener_actor listener;
};
struct unwatch_topic {
    std::string topic;
    hub_listener_actor listener;
};
/// Something contradicts the topic's route.
struct suspect_route {
    std::string topic;
};
/// The connection to a broker was lost: it has forgotten our membership.
struct suspect_broker {
    std::string broker_name;
};
/// Add or replace what the heartbeat says of a group.
struct join_group {
    protocol::consumer_data data;
    member_listener_actor listener;
};
struct leave_group {
    std::string group;
};
struct group_left {};
enum class producer_kind : std::uint8_t { transactional, requesting };
/// Say in heartbeats that this client produces in the group, until the listener ends. One listener per group and kind: the latest.
struct join_producers {
    std::string group;
    producer_kind kind = producer_kind::transactional;
    producer_listener_actor listener;
};
/// The broker of that name, if a route that is watched has it; else connect_failed.
struct find_broker {
    std::string broker_name;
};
/// For blocking callers: who can be asked.
struct list_name_servers {};
struct name_servers_listed {
    std::vector<actors::name_server_actor> servers;
};
struct dial_broker {
    std::string broker_name;
    std::string address;
};
struct broker_dialed {
    actors::broker_actor broker;
};
/// To itself. `turn` makes all but the latest void.
struct hub_tick {
    std::uint64_t turn = 0;
};

using hub_actor =
    caf::typed_actor<caf::reacts_to<watch_topic>, caf::reacts_to<unwatch_topic>, caf::reacts_to<suspect_route>,
                     caf::reacts_to<suspect_broker>, caf::reacts_to<join_group>, caf::replies_to<leave_group>::with<group_left>,
                     caf::reacts_to<join_producers>, caf::replies_to<list_name_servers>::with<name_servers_listed>,
                     caf::replies_to<dial_broker>::with<broker_dialed>, caf::replies_to<find_broker>::with<broker_dialed>,
                     caf::reacts_to<actors::consumers_changed>, caf::reacts_to<actors::net::connection_changed>,
                     caf::replies_to<actors::check_transaction>::with<actors::transaction_check_sent>,
                     caf::replies_to<actors::deliver_reply>::with<actors::reply_delivered>,
                     caf::replies_to<actors::forward_to_client>::with<actors::client_answered>,
                     caf::replies_to<actors::ask_client_status>::with<actors::client_status_told>, caf::reacts_to<actors::adopt_offsets>,
                     caf::reacts_to<hub_tick>>;

// ---- producer -------------------------------------------------------------------------------------------------------

/// The inbox that callers fill has something in it.
struct inbox_filled {};
/// To itself: look for what has waited long enough.
struct producer_tick {};
/// To itself: forget topics that were not sent to for long.
struct producer_sweep {};
using producer_actor =
    hub_listener_actor::extend<caf::reacts_to<inbox_filled>, caf::reacts_to<producer_tick>, caf::reacts_to<producer_sweep>>;

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::route_known)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::membership_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::watch_topic)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::unwatch_topic)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::suspect_route)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::suspect_broker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::join_group)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::leave_group)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::group_left)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::transaction_asked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::reply_arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::join_producers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::find_broker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::list_name_servers)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::name_servers_listed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::dial_broker)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::broker_dialed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::hub_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::inbox_filled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::producer_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::producer_sweep)
