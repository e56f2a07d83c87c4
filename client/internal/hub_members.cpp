#include "actors/messages/type_ids.hpp"
#include "client/internal/hub_state.hpp"

#include <algorithm>
#include <iterator>
#include <memory>

// Who is in which group, and what brokers ask of them.

namespace troupe::client {

// ---- membership -----------------------------------------------------------------------------------------------------

void hub_state::handle(const join_group& order) {
    groups[order.data.group] = {order.data, order.listener};
    heed(order.listener);
    groups_changed();
}

void hub_state::handle(const join_producers& order) {
    producers[{order.group, order.kind}] = order.listener;
    heed(order.listener);
    groups_changed();
}

void hub_state::groups_changed() {
    links.changed_for_all(now());
    work();
}

caf::typed_response_promise<group_left> hub_state::handle(const leave_group& order) {
    auto promise = self->make_response_promise<group_left>();
    leave(order.group, [promise]() mutable { promise.deliver(group_left{}); });
    return promise;
}

void hub_state::leave(const std::string& group, const std::function<void()>& done) {
    if (groups.erase(group) == 0 || links.all().empty())
        return done();
    links.changed();
    const auto left = std::make_shared<std::size_t>(links.all().size());
    const auto arrived = [done, left] {
        if (--*left == 0)
            done();
    };
    for (const auto& [key, link] : links.all())
        self->request(link.handle, neighbour_timeout_max, actors::unregister_client{options.client_id, {}, group})
            .then([arrived](const actors::client_unregistered&) { arrived(); }, [arrived](const caf::error&) { arrived(); });
}

void hub_state::handle(const actors::consumers_changed& event) {
    if (const auto at = groups.find(event.group); at != groups.end())
        self->send(at->second.second, membership_changed{event.group});
}

caf::result<actors::transaction_check_sent> hub_state::handle(const actors::check_transaction& question) {
    const auto at = producers.find({question.group, producer_kind::transactional});
    if (at == producers.end())
        return actors::make_caf_error(errc::group_not_found, "this client has no transactional producer of group " + question.group);
    self->send(at->second, transaction_asked{question});
    return actors::transaction_check_sent{};
}

caf::result<actors::reply_delivered> hub_state::handle(const actors::deliver_reply& reply) {
    for (const auto& [key, listener] : producers)
        if (key.second == producer_kind::requesting)
            self->send(listener, reply_arrived{reply});
    return actors::reply_delivered{};
}

// ---- what brokers ask of members ------------------------------------------------------------------------------------

caf::error hub_state::no_member(const std::string& group) const {
    return actors::make_caf_error(errc::group_not_found, "client " + options.client_id + " has no push consumer of group " + group);
}

caf::result<actors::client_answered> hub_state::handle(const actors::forward_to_client& order) {
    const auto* group = order.fields.find("consumerGroup");
    if (group == nullptr)
        return actors::make_caf_error(errc::protocol_error, "request " + std::to_string(order.code) + " lacks its consumerGroup");
    const auto* client_id = order.fields.find("clientId"); // a proxy may have several clients behind it
    const auto at = client_id == nullptr || *client_id == options.client_id ? groups.find(*group) : groups.end();
    if (at == groups.end())
        return no_member(*group);
    return self->delegate(at->second.second, order);
}

caf::result<actors::client_status_told> hub_state::handle(const actors::ask_client_status& order) {
    const auto at = groups.find(order.group);
    if (at == groups.end())
        return no_member(order.group);
    return self->delegate(at->second.second, order);
}

void hub_state::handle(const actors::adopt_offsets& order) {
    if (const auto at = groups.find(order.group); at != groups.end())
        self->send(at->second.second, order);
}

// ---- listeners ------------------------------------------------------------------------------------------------------

void hub_state::heed(const hub_listener_actor& listener) {
    if (listeners.insert(listener.address()).second)
        self->monitor(listener);
}

void hub_state::listener_ended(const caf::actor_addr& listener) {
    listeners.erase(listener);
    // Groups first: while their topics are watched, there are links to the brokers that know of the membership.
    std::vector<std::string> left;
    for (const auto& [group, member] : groups)
        if (member.second.address() == listener)
            left.push_back(group);
    for (const auto& group : left)
        leave(group, [] {});
    leave_producers(listener);
    std::vector<std::pair<std::string, hub_listener_actor>> unwatched;
    for (const auto& [topic, all] : watchers)
        for (const auto& one : all)
            if (one.address() == listener)
                unwatched.emplace_back(topic, one);
    for (const auto& [topic, one] : unwatched)
        unwatch(topic, one);
    drop_unused_links();
}

void hub_state::leave_producers(const caf::actor_addr& listener) {
    std::set<std::string> silent;
    for (auto at = producers.begin(); at != producers.end();) {
        const bool is_its = at->second.address() == listener;
        if (is_its)
            silent.insert(at->first.first);
        at = is_its ? producers.erase(at) : std::next(at);
    }
    for (const auto& [key, other] : producers)
        silent.erase(key.first); // it still produces in that group
    for (const auto& group : silent) {
        links.changed();
        for (const auto& [key, link] : links.all())
            self->request(link.handle, neighbour_timeout_max, actors::unregister_client{options.client_id, group, {}})
                .then([](const actors::client_unregistered&) {}, [](const caf::error&) {});
    }
}

} // namespace troupe::client
