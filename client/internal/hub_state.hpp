#pragma once

#include "client/internal/broker_links.hpp"
#include "client/internal/hub.hpp"
#include "client/internal/route_cache.hpp"
#include "client/internal/route_question.hpp"

#include <caf/actor_addr.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// The inside of the hub, whose parts are in several sources: hub.cpp (brokers, heartbeats, time, the actor), hub_routes.cpp (who wants
/// which route, and asking for it), hub_members.cpp (who is in which group, and what brokers ask of them). Only they include this.
namespace troupe::client {

/// A silent broker or name server must not hide its neighbours.
inline constexpr milliseconds neighbour_timeout_max{1000};

struct hub_state {
    static inline const char* name = "client_hub";
    using pointer = hub_actor::stateful_pointer<hub_state>;

    explicit hub_state(pointer actor) : self{actor} {}
    void start(hub_endpoints given_endpoints, client_options given_options);

    // routes (hub_routes.cpp)
    void handle(const watch_topic& order);
    void handle(const unwatch_topic& order);
    void unwatch(const std::string& topic, const hub_listener_actor& listener);
    void handle(const suspect_route& event);
    void ask_due_routes();
    void ask(route_question question);
    void answered(const route_question& question, const protocol::topic_route& route);
    void refused(route_question question, const error& failure);
    void conclude(const route_question& question);
    void announce(const std::string& topic);
    void tell(const std::string& topic, const route_known& news);

    // brokers (hub.cpp)
    actors::broker_actor handle_of(const std::string& broker_name, const std::string& address);
    actors::broker_actor link_to(const std::string& broker_name, const std::string& address);
    void drop_unused_links();
    void handle(const suspect_broker& event);
    void handle(const actors::net::connection_changed& news);
    caf::result<broker_dialed> handle(const dial_broker& order);
    caf::result<broker_dialed> handle(const find_broker& order) const;

    // membership, and what brokers ask of members (hub_members.cpp)
    void handle(const join_group& order);
    caf::typed_response_promise<group_left> handle(const leave_group& order);
    void leave(const std::string& group, const std::function<void()>& done);
    void handle(const actors::consumers_changed& event);
    void handle(const join_producers& order);
    caf::result<actors::transaction_check_sent> handle(const actors::check_transaction& question);
    caf::result<actors::reply_delivered> handle(const actors::deliver_reply& reply);
    caf::result<actors::client_answered> handle(const actors::forward_to_client& order);
    caf::result<actors::client_status_told> handle(const actors::ask_client_status& order);
    void handle(const actors::adopt_offsets& order);
    [[nodiscard]] caf::error no_member(const std::string& group) const;
    [[nodiscard]] bool has_groups() const { return !groups.empty() || !producers.empty(); }
    void groups_changed();
    void heed(const hub_listener_actor& listener);
    void listener_ended(const caf::actor_addr& listener);
    void leave_producers(const caf::actor_addr& listener);

    // heartbeats, time (hub.cpp)
    void beat_due_brokers();
    void beat(const std::string& key, const actors::broker_actor& broker);
    void accepted(const std::string& key, std::uint64_t version);
    [[nodiscard]] protocol::heartbeat_data make_heartbeat() const;
    void handle(const hub_tick& tick);
    void work();
    void arm();
    [[nodiscard]] time_point now() const { return self->clock().now(); }
    void end();

    pointer self;
    hub_endpoints endpoints;
    client_options options;
    route_cache routes{{}}; // until start(), as the next
    broker_links links{milliseconds{}, milliseconds{}};
    std::set<caf::actor_addr> listeners; ///< monitored: what they leave behind goes with them
    std::map<std::string, std::vector<hub_listener_actor>> watchers;
    std::map<std::string, routing_ptr> announced;
    std::map<std::string, actors::broker_actor> handles; ///< all that were dialed, by broker_links::key_of
    std::map<std::string, std::pair<protocol::consumer_data, member_listener_actor>> groups;
    std::map<std::pair<std::string, producer_kind>, producer_listener_actor> producers;
    std::size_t name_server_turn = 0; ///< sticks to one until it fails
    std::optional<time_point> armed;
    std::uint64_t armed_turn = 0;
};

} // namespace troupe::client
