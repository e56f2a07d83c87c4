#include "client/internal/hub.hpp"

#include "actors/messages/type_ids.hpp"
#include "client/internal/hub_state.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace troupe::client {

namespace {

constexpr milliseconds heartbeat_retry{500};
constexpr std::size_t idle_handles_max = 256; // beyond: handles without a route are ended

} // namespace

// ---- brokers --------------------------------------------------------------------------------------------------------

actors::broker_actor hub_state::handle_of(const std::string& broker_name, const std::string& address) {
    auto& handle = handles[broker_links::key_of(broker_name, address)];
    if (!handle)
        handle = endpoints.dial(broker_name, address);
    return handle;
}

actors::broker_actor hub_state::link_to(const std::string& broker_name, const std::string& address) {
    if (const auto* known = links.find(broker_name, address))
        return known->handle;
    auto handle = handle_of(broker_name, address);
    if (handle)
        links.add(broker_name, address, handle, now());
    return handle;
}

void hub_state::drop_unused_links() {
    std::set<std::string> used;
    for (const auto& [broker_name, address] : routes.all_addresses())
        used.insert(broker_links::key_of(broker_name, address));
    links.keep_only(used);
    if (handles.size() <= idle_handles_max)
        return;
    std::erase_if(handles, [&](const auto& item) {
        if (used.contains(item.first))
            return false;
        if (endpoints.owned && item.second)
            self->send_exit(item.second, caf::exit_reason::user_shutdown);
        return true;
    });
}

void hub_state::handle(const suspect_broker& event) {
    links.lost(event.broker_name, now());
    arm();
}

void hub_state::handle(const actors::net::connection_changed& news) {
    if (news.change == actors::net::link_change::another)
        links.reconnected(news.address, now());
    else
        links.disconnected(news.address, now());
    work();
}

caf::result<broker_dialed> hub_state::handle(const dial_broker& order) {
    auto handle = handle_of(order.broker_name, order.address);
    if (!handle)
        return actors::make_caf_error(errc::connect_failed, "there is no broker " + order.broker_name + " at " + order.address);
    return broker_dialed{handle};
}

caf::result<broker_dialed> hub_state::handle(const find_broker& order) const {
    if (const auto* known = links.find(order.broker_name))
        return broker_dialed{known->handle};
    return actors::make_caf_error(errc::connect_failed, "no route names a broker " + order.broker_name + " now");
}

// ---- heartbeats -----------------------------------------------------------------------------------------------------

protocol::heartbeat_data hub_state::make_heartbeat() const {
    protocol::heartbeat_data data;
    data.client_id = options.client_id;
    std::set<std::string> producing{"CLIENT_INNER_PRODUCER"};
    for (const auto& [key, listener] : producers)
        producing.insert(key.first);
    data.producer_groups.assign(producing.begin(), producing.end());
    for (const auto& [group, member] : groups)
        data.consumers.push_back(member.first);
    return data;
}

void hub_state::beat_due_brokers() {
    if (!has_groups())
        return;
    for (const auto& [key, broker] : links.take_due(now()))
        beat(key, broker);
}

void hub_state::beat(const std::string& key, const actors::broker_actor& broker) {
    self->request(broker, options.request_timeout, actors::client_heartbeat{make_heartbeat(), hub_actor{self}})
        .then([this, key, version = links.version()](const actors::heartbeat_accepted&) { accepted(key, version); },
              [this, key](const caf::error&) {
                  links.refused(key, now());
                  work();
              });
}

void hub_state::accepted(const std::string& key, std::uint64_t version) {
    if (links.accepted(key, version, now()))
        for (const auto& [group, member] : groups)
            self->send(member.second, membership_changed{group});
    work();
}

// ---- time -----------------------------------------------------------------------------------------------------------

void hub_state::handle(const hub_tick& tick) {
    if (tick.turn != armed_turn)
        return;
    armed.reset();
    work();
}

void hub_state::work() {
    ask_due_routes();
    beat_due_brokers();
    arm();
}

void hub_state::arm() {
    auto next = routes.next_due();
    if (const auto told = has_groups() ? links.next_due() : std::nullopt; told && (!next || *told < *next))
        next = told;
    if (!next || (armed && *armed <= *next))
        return;
    armed = next;
    const auto pause = std::max(std::chrono::ceil<milliseconds>(*next - now()), milliseconds{1});
    self->delayed_send(self, pause, hub_tick{++armed_turn});
}

void hub_state::end() {
    if (!endpoints.owned)
        return;
    for (const auto& [key, handle] : handles)
        if (handle)
            self->send_exit(handle, caf::exit_reason::user_shutdown);
    for (const auto& server : endpoints.name_servers)
        self->send_exit(server, caf::exit_reason::user_shutdown);
}

void hub_state::start(hub_endpoints given_endpoints, client_options given_options) {
    endpoints = std::move(given_endpoints);
    options = std::move(given_options);
    route_cache::options cache;
    cache.refresh = options.route_refresh;
    routes = route_cache{cache};
    links = broker_links{options.heartbeat_interval, heartbeat_retry};
}

namespace {

hub_actor::behavior_type hub(hub_state::pointer self, hub_endpoints endpoints, client_options options) {
    self->state.start(std::move(endpoints), std::move(options));
    self->set_exit_handler([self](caf::exit_msg& message) {
        self->state.end();
        self->quit(std::move(message.reason));
    });
    self->set_down_handler([self](const caf::down_msg& message) { self->state.listener_ended(message.source); });
    self->set_error_handler([](caf::error&) {}); // answers to one-way messages concern nobody
    return {
        [self](const watch_topic& order) { self->state.handle(order); },
        [self](const unwatch_topic& order) { self->state.handle(order); },
        [self](const suspect_route& event) { self->state.handle(event); },
        [self](const suspect_broker& event) { self->state.handle(event); },
        [self](const join_group& order) { self->state.handle(order); },
        [self](const leave_group& order) { return self->state.handle(order); },
        [self](const join_producers& order) { self->state.handle(order); },
        [self](const list_name_servers&) { return name_servers_listed{self->state.endpoints.name_servers}; },
        [self](const dial_broker& order) { return self->state.handle(order); },
        [self](const find_broker& order) { return self->state.handle(order); },
        [self](const actors::consumers_changed& event) { self->state.handle(event); },
        [self](const actors::net::connection_changed& news) { self->state.handle(news); },
        [self](const actors::check_transaction& question) { return self->state.handle(question); },
        [self](const actors::deliver_reply& reply) { return self->state.handle(reply); },
        [self](const actors::forward_to_client& order) { return self->state.handle(order); },
        [self](const actors::ask_client_status& order) { return self->state.handle(order); },
        [self](const actors::adopt_offsets& order) { self->state.handle(order); },
        [self](const hub_tick& tick) { self->state.handle(tick); },
    };
}

} // namespace

hub_actor spawn_hub(caf::actor_system& system, hub_endpoints endpoints, client_options options) {
    return system.spawn(hub, std::move(endpoints), std::move(options));
}

} // namespace troupe::client
