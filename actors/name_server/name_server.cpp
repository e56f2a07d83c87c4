#include "actors/name_server/name_server.hpp"

#include "actors/base/log.hpp"
#include "actors/name_server/name_server_state.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>

#include <utility>

namespace troupe::actors {

namespace {

std::string to_text(const route_table::live_key& broker) {
    return "broker at " + broker.address + " of cluster " + broker.cluster;
}

void forget_session(name_server_state& state, const route_table::live_key& broker) {
    const auto found = state.vouched_by.find(broker);
    if (found == state.vouched_by.end())
        return;
    state.sessions.erase(found->second);
    state.vouched_by.erase(found);
}

void bind_session(name_server_pointer self, const route_table::live_key& broker, const broker_session_actor& session) {
    auto& state = self->state;
    if (!session || (state.vouched_by.contains(broker) && state.vouched_by[broker] == session.address()))
        return;
    forget_session(state, broker);
    // One connection speaks for one broker: whatever else it vouched for before has moved here, and nobody would hear of its
    // end.
    const auto [place, is_new] = state.sessions.try_emplace(session.address(), broker);
    if (is_new) {
        self->monitor(session);
    } else {
        write_log(log_level::warning, "name server: the connection of the " + to_text(place->second) + " now speaks for the " +
                                          to_text(broker) + "; the former is out of the routes");
        state.vouched_by.erase(place->second);
        state.routes.remove(place->second);
        place->second = broker;
    }
    state.vouched_by[broker] = session.address();
}

void handle_session_end(name_server_pointer self, const caf::actor_addr& session) {
    const auto found = self->state.sessions.find(session);
    if (found == self->state.sessions.end())
        return;
    const auto broker = found->second;
    self->state.sessions.erase(found);
    self->state.vouched_by.erase(broker);
    self->state.routes.remove(broker);
    write_log(log_level::warning, "name server: the connection of the " + to_text(broker) + " ended; it is out of the routes");
}

void handle_scan(name_server_pointer self) {
    for (const auto& broker : self->state.routes.expire(self->clock().now())) {
        forget_session(self->state, broker);
        write_log(log_level::warning, "name server: the " + to_text(broker) + " gave no sign of life; it is out of the routes");
    }
    self->delayed_send(self, self->state.options.scan_interval, scan_tick{});
}

name_server_impl::behavior_type name_server(name_server_pointer self, name_server_options options, name_server_kv kv) {
    self->state.options = std::move(options);
    self->state.kv = std::move(kv);
    self->set_down_handler([self](const caf::down_msg& down) {
        if (self->state.kv.keeper && down.source == self->state.kv.keeper.address())
            self->quit(down.reason);
        else
            handle_session_end(self, down.source);
    });
    if (self->state.kv.keeper)
        self->monitor(self->state.kv.keeper);
    self->delayed_send(self, self->state.options.scan_interval, scan_tick{});
    return {
        // routes
        [self](const register_broker& broker) -> caf::result<broker_registered> {
            if (auto done = accept_broker(self, broker, {}); !done)
                return make_caf_error(done.failure());
            return broker_registered{};
        },
        [self](const unregister_broker& broker) {
            forget_session(self->state, {broker.cluster, broker.address});
            self->state.routes.unregister_broker(broker);
            return broker_unregistered{};
        },
        [self](const broker_heartbeat& broker) {
            self->state.routes.heartbeat({broker.cluster, broker.address}, self->clock().now());
            return broker_registered{};
        },
        [self](const find_route& order) -> caf::result<route_found> {
            auto route = route_of(self->state, order.topic);
            if (!route)
                return make_caf_error(route.failure());
            return route_found{std::move(*route)};
        },
        [self](const describe_cluster&) { return cluster_described{self->state.routes.clusters()}; },
        [self](const list_all_topics&) { return all_topics{self->state.routes.topics()}; },
        [self](const forget_route& order) {
            self->state.routes.forget_topic(order.topic);
            return route_forgotten{};
        },
        // brokers of RocketMQ, and tools
        [self](const announce_broker& order) { return handle(self, order); },
        [self](const describe_route& order) { return handle(self, order); },
        [self](const drop_route& order) { return handle(self, order); },
        [self](const add_route& order) { return handle(self, order); },
        [self](const change_write_perm& order) { return handle(self, order); },
        [self](const query_version& order) { return handle(self, order); },
        [self](const find_broker_members& order) { return handle(self, order); },
        [self](const list_filtered_topics& order) { return handle(self, order); },
        [self](const list_cluster_topics& order) { return handle(self, order); },
        [self](const list_name_topics& order) { return handle(self, order); },
        [self](const put_kv_config& order) { return handle(self, order); },
        [self](const delete_kv_config& order) { return handle(self, order); },
        [self](const find_kv_config& order) { return handle(self, order); },
        [self](const list_kv_config& order) { return handle(self, order); },
        [self](const list_name_server_config& order) { return handle(self, order); },
        [self](const change_name_server_config& order) { return handle(self, order); },
        // itself
        [self](const scan_tick&) { handle_scan(self); },
    };
}

} // namespace

result<void> accept_broker(name_server_pointer self, const register_broker& broker, const route_table::broker_details& details) {
    const route_table::live_key key{broker.cluster, broker.address};
    const bool known = self->state.routes.heartbeat(key, self->clock().now());
    if (auto done = self->state.routes.register_broker(broker, self->clock().now(), details); !done)
        return done;
    bind_session(self, key, broker.session);
    if (!known)
        write_log(log_level::info, "name server: " + to_text(key) + " registered as " + broker.broker_name + " " + to_string(broker.id));
    return {};
}

result<protocol::topic_route> route_of(const name_server_state& state, const std::string& topic) {
    if (auto route = state.routes.find(topic))
        return std::move(*route);
    // The name comes from anybody, and may be as long as a frame.
    const auto legal = check_topic_name(topic);
    return error{errc::topic_not_found, legal ? "no live broker has topic " + topic : legal.failure().text};
}

local_name_server_actor spawn_name_server(caf::actor_system& system, name_server_options options, name_server_kv kv) {
    return system.spawn(name_server, std::move(options), std::move(kv));
}

} // namespace troupe::actors
