#include "actors/name_server.hpp"

#include "actors/log.hpp"
#include "actors/route_table.hpp"
#include "actors/type_ids.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <utility>

namespace troupe::actors {

namespace {

/// A name server to itself: look for brokers that fell silent.
struct scan_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, scan_tick&) {
        return f();
    }
};

using name_server_impl = name_server_actor::extend<caf::reacts_to<scan_tick>>;

struct name_server_state {
    static inline const char* name = "name_server";

    route_table routes;
    std::map<caf::actor_addr, route_table::live_key> sessions;   ///< who vouches for which broker
    std::map<route_table::live_key, caf::actor_addr> vouched_by; ///< only the session of the last registration counts
    std::chrono::milliseconds scan_interval{0};
};

using name_server_pointer = name_server_impl::stateful_pointer<name_server_state>;

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

caf::result<broker_registered> handle_register(name_server_pointer self, const register_broker& broker) {
    const route_table::live_key key{broker.cluster, broker.address};
    const bool known = self->state.routes.heartbeat(key, self->clock().now());
    if (auto done = self->state.routes.register_broker(broker, self->clock().now()); !done)
        return make_caf_error(done.failure());
    bind_session(self, key, broker.session);
    if (!known)
        write_log(log_level::info, "name server: " + to_text(key) + " registered as " + broker.broker_name + " " + to_string(broker.id));
    return broker_registered{};
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
    self->delayed_send(self, self->state.scan_interval, scan_tick{});
}

name_server_impl::behavior_type name_server(name_server_pointer self, name_server_options options) {
    self->state.scan_interval = options.scan_interval;
    self->set_down_handler([self](const caf::down_msg& down) { handle_session_end(self, down.source); });
    self->delayed_send(self, options.scan_interval, scan_tick{});
    return {
        [self](const register_broker& broker) { return handle_register(self, broker); },
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
            if (auto route = self->state.routes.find(order.topic))
                return route_found{std::move(*route)};
            // The name comes from anybody, and may be as long as a frame.
            const auto legal = check_topic_name(order.topic);
            return make_caf_error(errc::topic_not_found, legal ? "no live broker has topic " + order.topic : legal.failure().text);
        },
        [self](const describe_cluster&) { return cluster_described{self->state.routes.clusters()}; },
        [self](const list_all_topics&) { return all_topics{self->state.routes.topics()}; },
        [self](const forget_route& order) {
            self->state.routes.forget_topic(order.topic);
            return route_forgotten{};
        },
        [self](const scan_tick&) { handle_scan(self); },
    };
}

} // namespace

name_server_actor spawn_name_server(caf::actor_system& system, name_server_options options) {
    return system.spawn(name_server, options);
}

} // namespace troupe::actors
