#include "actors/messages/type_ids.hpp"
#include "client/internal/hub_state.hpp"

#include <algorithm>
#include <memory>

// Who wants which route, and asking for it.

namespace troupe::client {

namespace {

constexpr std::size_t routes_asked_max = 64;

} // namespace

void hub_state::handle(const watch_topic& order) {
    if (!routes.watch(order.topic, order.may_create, now())) {
        self->send(order.listener, route_known{order.topic, nullptr, error{errc::busy, "this client watches too many topics"}});
        return;
    }
    watchers[order.topic].push_back(order.listener);
    heed(order.listener);
    if (const auto known = announced.find(order.topic); known != announced.end())
        self->send(order.listener, route_known{order.topic, known->second, {}});
    work();
}

void hub_state::handle(const unwatch_topic& order) {
    unwatch(order.topic, order.listener);
    drop_unused_links();
}

void hub_state::unwatch(const std::string& topic, const hub_listener_actor& listener) {
    const auto at = watchers.find(topic);
    if (at == watchers.end())
        return;
    auto& all = at->second;
    if (const auto one = std::find(all.begin(), all.end(), listener); one != all.end()) {
        all.erase(one);
        routes.unwatch(topic);
    }
    if (all.empty()) {
        watchers.erase(at);
        announced.erase(topic);
    }
}

void hub_state::handle(const suspect_route& event) {
    routes.suspect(event.topic, now());
    work();
}

void hub_state::ask_due_routes() {
    for (auto& topic : routes.take_due(now(), routes_asked_max))
        ask(route_question{std::move(topic)});
}

void hub_state::ask(route_question question) {
    const auto server = question.next_server(name_server_turn, endpoints.name_servers.size());
    if (!server)
        return conclude(question);
    const auto timeout = std::min(options.request_timeout, neighbour_timeout_max);
    self->request(endpoints.name_servers[*server], timeout, actors::find_route{question.asked_for()})
        .then([this, question](const actors::route_found& found) { answered(question, found.route); },
              [this, question](const caf::error& failure) { refused(question, actors::to_error(failure)); });
}

void hub_state::answered(const route_question& question, const protocol::topic_route& route) {
    name_server_turn += question.passed_over();
    const bool changed = routes.found(question.topic(), question.is_by_template() ? template_route(route) : route, now());
    if (changed || !announced.contains(question.topic()))
        announce(question.topic());
    work();
}

void hub_state::refused(route_question question, const error& failure) {
    question.refused(failure);
    ask(std::move(question));
}

void hub_state::conclude(const route_question& question) {
    if (question.is_unknown() && !question.is_by_template() && options.auto_create_topics && routes.may_create(question.topic()))
        return ask(question.by_template());
    const auto failure = question.failure(endpoints.name_servers.size());
    if (const auto final = routes.failed(question.topic(), failure, now()))
        tell(question.topic(), route_known{question.topic(), nullptr, *final});
    arm();
}

void hub_state::announce(const std::string& topic) {
    const auto* route = routes.find(topic);
    if (route == nullptr)
        return;
    auto routing = std::make_shared<topic_routing>();
    routing->topic = topic;
    auto queues = queues_of(topic, *route);
    routing->writable = std::move(queues.writable);
    routing->readable = std::move(queues.readable);
    for (const auto& [broker_name, address] : addresses_of(*route))
        if (auto handle = link_to(broker_name, address))
            routing->brokers[broker_name] = handle;
    const auto unreachable = [&](const message_queue& queue) { return !routing->brokers.contains(queue.broker_name); };
    std::erase_if(routing->writable, unreachable);
    std::erase_if(routing->readable, unreachable);
    announced[topic] = routing;
    tell(topic, route_known{topic, routing, {}});
    drop_unused_links();
}

void hub_state::tell(const std::string& topic, const route_known& news) {
    const auto at = watchers.find(topic);
    if (at == watchers.end())
        return;
    for (const auto& listener : at->second)
        self->send(listener, news);
}

} // namespace troupe::client
