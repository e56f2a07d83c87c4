#include "actors/name_server/name_server_config.hpp"
#include "actors/name_server/name_server_state.hpp"

#include <caf/event_based_actor.hpp>

#include <utility>

/// The name server's answers to name_server_admin_actor.
namespace troupe::actors {

// ---- brokers and routes ---------------------------------------------------------------------------------------------

caf::result<broker_announced> handle(name_server_pointer self, const announce_broker& order) {
    const auto& broker = order.registration;
    auto& state = self->state;
    route_table::broker_details details{order.ha_address, {}};
    if (order.is_acting_known)
        details.acting_master = order.acting_master;
    if (auto done = accept_broker(self, broker, details); !done)
        return make_caf_error(done.failure());
    broker_announced answer;
    if (broker.id.value() != 0)
        if (auto master = state.routes.find_master(broker.broker_name)) {
            answer.master_address = std::move(master->address);
            answer.ha_address = std::move(master->ha_address);
        }
    if (state.options.return_order_topics)
        if (const auto* topics = state.kv.config.find_all(order_topic_namespace)) {
            answer.has_order_topics = true;
            answer.order_topics = *topics;
        }
    return answer;
}

caf::result<route_described> handle(name_server_pointer self, const describe_route& order) {
    const auto& state = self->state;
    auto route = route_of(state, order.topic);
    if (!route)
        return make_caf_error(route.failure());
    route_described answer{std::move(*route), {}};
    if (state.options.order_messages)
        if (const auto* queues = state.kv.config.find(order_topic_namespace, order.topic))
            answer.order_topic_conf = *queues;
    return answer;
}

route_forgotten handle(name_server_pointer self, const drop_route& order) {
    if (order.cluster.empty())
        self->state.routes.forget_topic(order.topic);
    else
        self->state.routes.forget_topic(order.topic, order.cluster);
    return {};
}

caf::result<route_added> handle(name_server_pointer self, const add_route& order) {
    if (auto added = self->state.routes.add_queues(order.topic, order.queues); !added)
        return make_caf_error(added.failure());
    return route_added{};
}

write_perm_changed handle(name_server_pointer self, const change_write_perm& order) {
    const auto topics = self->state.routes.set_writable(order.broker_name, order.writable);
    return {static_cast<std::int64_t>(topics), order.writable};
}

version_found handle(name_server_pointer self, const query_version& order) {
    const route_table::live_key broker{order.cluster, order.address};
    self->state.routes.heartbeat(broker, self->clock().now());
    const auto known = self->state.routes.find_version(broker);
    return {!known || *known != order.version, known.has_value(), known.value_or(protocol::data_version{})};
}

broker_members_found handle(name_server_pointer self, const find_broker_members& order) {
    broker_members_found answer{{order.cluster, order.broker_name, {}}};
    if (const auto* known = self->state.routes.find_broker(order.broker_name))
        answer.members.addresses = known->addresses;
    return answer;
}

// ---- names ----------------------------------------------------------------------------------------------------------

topics_found handle(name_server_pointer self, const list_filtered_topics& order) {
    constexpr std::int32_t unit = 1;
    constexpr std::int32_t unit_subscription = 2;
    const auto& routes = self->state.routes;
    switch (order.filter) {
    case topic_filter::unit: return {routes.topics_with(unit, 0)};
    case topic_filter::unit_subscription: return {routes.topics_with(unit_subscription, 0)};
    default: return {routes.topics_with(unit_subscription, unit)};
    }
}

topics_found handle(name_server_pointer self, const list_cluster_topics& order) {
    return {self->state.routes.topics_of(order.cluster)};
}

name_topics_listed handle(name_server_pointer self, const list_name_topics&) {
    const auto known = self->state.routes.clusters();
    name_topics_listed answer;
    for (const auto& [cluster, members] : known.clusters) {
        answer.names.push_back(cluster);
        answer.names.insert(answer.names.end(), members.begin(), members.end());
    }
    if (!known.brokers.empty())
        answer.broker_address = known.brokers.begin()->second.addresses.begin()->second;
    return answer;
}

// ---- KV config ------------------------------------------------------------------------------------------------------

namespace {

using promises = std::vector<caf::typed_response_promise<kv_config_changed>>;

void succeed(const promises& changes) {
    for (auto promise : changes)
        promise.deliver(kv_config_changed{});
}

/// Makes the changes that wait, all with one write.
void write_changes(name_server_pointer self) {
    auto& state = self->state;
    if (state.kv_writing)
        return;
    auto changed = state.kv.config;
    promises made;
    for (auto& change : std::exchange(state.kv_waiting, {})) {
        if (!change.value) {
            changed.remove(change.name_space, change.key);
        } else if (const auto put = changed.put(change.name_space, change.key, *change.value); !put) {
            change.promise.deliver(make_caf_error(put.failure()));
            continue;
        }
        made.push_back(std::move(change.promise));
    }
    if (changed.all() == state.kv.config.all() && !state.kv_in_doubt)
        return succeed(made);
    if (!state.kv.keeper) {
        state.kv.config = std::move(changed);
        return succeed(made);
    }
    state.kv_writing = true;
    // No deadline, as the keeper answers everything and its end ends the name server: what the disk has is never in doubt.
    self->request(state.kv.keeper, caf::infinite, write_kv_config{changed.all()})
        .then(
            [self, changed, made](const kv_config_written&) {
                self->state.kv_writing = self->state.kv_in_doubt = false;
                self->state.kv.config = changed;
                succeed(made);
                write_changes(self);
            },
            [self, made](const caf::error& failure) {
                self->state.kv_writing = false;
                self->state.kv_in_doubt = true;
                for (auto promise : made)
                    promise.deliver(failure);
                write_changes(self);
            });
}

caf::result<kv_config_changed> change_kv(name_server_pointer self, std::string name_space, std::string key,
                                         std::optional<std::string> value) {
    auto& waiting = self->state.kv_waiting;
    if (waiting.size() >= name_server_state::kv_changes_waiting_max)
        return make_caf_error(errc::busy, "more than " + std::to_string(name_server_state::kv_changes_waiting_max) +
                                              " changes of the KV config wait for the disk; repeat it later");
    auto promise = self->make_response_promise<kv_config_changed>();
    waiting.push_back({std::move(name_space), std::move(key), std::move(value), promise});
    write_changes(self);
    return promise;
}

} // namespace

caf::result<kv_config_changed> handle(name_server_pointer self, const put_kv_config& order) {
    return change_kv(self, order.name_space, order.key, order.value);
}

caf::result<kv_config_changed> handle(name_server_pointer self, const delete_kv_config& order) {
    return change_kv(self, order.name_space, order.key, std::nullopt);
}

caf::result<kv_config_found> handle(name_server_pointer self, const find_kv_config& order) {
    if (const auto* value = self->state.kv.config.find(order.name_space, order.key))
        return kv_config_found{*value};
    return make_caf_error(errc::not_found, "the KV config has no such key in this namespace");
}

caf::result<kv_config_listed> handle(name_server_pointer self, const list_kv_config& order) {
    if (const auto* table = self->state.kv.config.find_all(order.name_space))
        return kv_config_listed{*table};
    return make_caf_error(errc::not_found, "the KV config has no such namespace");
}

// ---- settings -------------------------------------------------------------------------------------------------------

name_server_config_listed handle(name_server_pointer self, const list_name_server_config&) {
    return {describe_config(self->state.options)};
}

caf::result<name_server_config_changed> handle(name_server_pointer self, const change_name_server_config& order) {
    auto changed = change_config(self->state.options, order.values);
    if (!changed)
        return make_caf_error(changed.failure());
    self->state.options = std::move(*changed);
    return name_server_config_changed{};
}

} // namespace troupe::actors
