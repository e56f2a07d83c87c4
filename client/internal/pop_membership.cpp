#include "client/internal/pop_membership.hpp"

#include "actors/messages/type_ids.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/unique_key.hpp"
#include "protocol/member_bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <set>
#include <utility>

namespace troupe::client {

namespace {

struct member_state {
    static inline const char* name = "pop_member";
    using pointer = pop_member_actor::stateful_pointer<member_state>;

    explicit member_state(pointer actor) : self{actor} {}

    void handle(const tell_pop_subscriptions& order);
    [[nodiscard]] caf::result<actors::client_answered> handle(const actors::forward_to_client& order) const;

    pointer self;
    hub_actor hub;
    client_options options;
    std::int64_t started_ms = 0; ///< since 1970
    protocol::consumer_data data;
    std::set<std::string> watched;
};

void member_state::handle(const tell_pop_subscriptions& order) {
    data = order.data;
    const member_listener_actor member{self};
    self->send(hub, join_group{data, member});
    std::set<std::string> wanted;
    for (const auto& one : data.subscriptions)
        wanted.insert(one.topic);
    for (const auto& topic : wanted)
        if (!watched.contains(topic))
            self->send(hub, watch_topic{topic, false, member});
    for (const auto& topic : watched)
        if (!wanted.contains(topic))
            self->send(hub, unwatch_topic{topic, member});
    watched = std::move(wanted);
}

caf::result<actors::client_answered> member_state::handle(const actors::forward_to_client& order) const {
    if (order.code != protocol::request_code::get_consumer_running_info)
        return actors::make_caf_error(errc::not_supported, "a pop consumer does not answer request " + std::to_string(order.code));
    protocol::running_info info;
    info.properties = {
        {"PROP_CONSUMER_START_TIMESTAMP", std::to_string(started_ms)},
        {"PROP_CONSUME_TYPE", "CONSUME_PASSIVELY"},
        {"PROP_NAMESERVER_ADDR", options.name_servers},
    };
    info.subscriptions = data.subscriptions;
    return actors::client_answered{protocol::response_code::success, {}, payload{protocol::encode_running_info(info)}};
}

pop_member_actor::behavior_type pop_member(member_state::pointer self, const hub_actor& hub, const client_options& options) {
    auto& state = self->state;
    state.hub = hub;
    state.options = options;
    state.started_ms = wall_clock_ms();
    self->monitor(hub);
    self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
    self->set_error_handler([](caf::error&) {}); // answers to one-way messages concern nobody
    return {
        [](const route_known&) {},
        [](const membership_changed&) {},
        [self](const actors::forward_to_client& order) { return self->state.handle(order); },
        [](const actors::ask_client_status&) { return actors::client_status_told{}; },
        [](const actors::adopt_offsets&) {},
        [self](const tell_pop_subscriptions& order) { self->state.handle(order); },
    };
}

} // namespace

pop_member_actor spawn_pop_member(caf::actor_system& system, hub_actor hub, client_options options) {
    return system.spawn(pop_member, std::move(hub), std::move(options));
}

result<void> pop_memberships::join(const connection& via, const std::string& group, const std::string& topic,
                                   const subscription_filter& filter, bool from_end) {
    const std::lock_guard lock{mutex_};
    auto& core = via.core();
    if (!groups_.contains(group) && !core.claim_group(group))
        return error{errc::already_exists, "this connection has a push consumer of group " + group +
                                               "; brokers tell members apart by their client id, so pop on a connection of its own"};
    auto& all = groups_[group];
    if (!all.member)
        all.member = spawn_pop_member(core.system(), core.hub(), via.options());
    all.from = from_end ? protocol::consume_from::last_offset : protocol::consume_from::first_offset;
    auto& one = all.topics[topic];
    ++one.consumers;
    one.told = {topic, filter.expression(), filter.type(), wall_clock_ms()};
    tell(group, all);
    return {};
}

void pop_memberships::leave(const connection& via, const std::string& group, const std::string& topic) {
    const std::lock_guard lock{mutex_};
    const auto at = groups_.find(group);
    if (at == groups_.end())
        return;
    auto& topics = at->second.topics;
    if (const auto one = topics.find(topic); one == topics.end() || --one->second.consumers > 0)
        return;
    topics.erase(topic);
    if (!topics.empty()) {
        tell(group, at->second);
        return;
    }
    // While its topics are watched, there are ways to the brokers that know of it.
    asker ask{via};
    static_cast<void>(ask.ask<group_left>(via.core().hub(), leave_group{group}));
    caf::anon_send_exit(at->second.member, caf::exit_reason::user_shutdown);
    groups_.erase(at);
    via.core().release_group(group);
}

void pop_memberships::tell(const std::string& group, const membership& all) {
    protocol::consumer_data data;
    data.group = group;
    data.type = protocol::consume_type::passively;
    data.model = protocol::message_model::clustering;
    data.from = all.from;
    for (const auto& [topic, one] : all.topics)
        data.subscriptions.push_back(one.told);
    caf::anon_send(all.member, tell_pop_subscriptions{std::move(data)});
}

} // namespace troupe::client
