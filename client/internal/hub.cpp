#include "client/internal/hub.hpp"

#include "actors/messages/type_ids.hpp"
#include "client/internal/route_cache.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace troupe::client {

namespace {

constexpr std::size_t routes_asked_max = 64;
constexpr milliseconds name_server_timeout_max{1000}; // a silent name server must not hide its neighbours
constexpr milliseconds heartbeat_retry{500};
constexpr std::size_t idle_handles_max = 256; // beyond: handles without a route are ended
constexpr std::string_view template_topic = "TBW102";

/// One broker as this client uses it.
struct broker_link {
    std::string broker_name;
    std::string address;
    actors::broker_actor handle;
    bool beating = false;               // a heartbeat is unanswered
    std::optional<std::uint64_t> knows; // version of our groups that the broker has accepted
    time_point beat_due;
};

/// One look-up of one topic over all name servers.
struct route_question {
    std::string topic;
    bool by_template = false; // asks for the template topic instead
    std::size_t tried = 0;
    std::size_t answered = 0;
    error last;
};

struct hub_state {
    static inline const char* name = "client_hub";
    using pointer = hub_actor::stateful_pointer<hub_state>;

    explicit hub_state(pointer actor) : self{actor}, routes{{}} {}

    // routes
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

    // brokers
    actors::broker_actor handle_of(const std::string& broker_name, const std::string& address);
    actors::broker_actor link_to(const std::string& broker_name, const std::string& address);
    void drop_unused_links();
    void handle(const suspect_broker& event);
    void handle(const actors::net::connection_changed& news);
    caf::result<broker_dialed> handle(const dial_broker& order);
    caf::result<broker_dialed> handle(const find_broker& order) const;

    // membership
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
    void beat_due_brokers();
    void beat(broker_link& link);
    void beat_ended(const std::string& key, std::optional<std::uint64_t> accepted);
    [[nodiscard]] protocol::heartbeat_data make_heartbeat() const;

    // listeners
    void heed(const hub_listener_actor& listener);
    void listener_ended(const caf::actor_addr& listener);

    // time
    void handle(const hub_tick& tick);
    void work();
    void arm();
    [[nodiscard]] time_point now() const { return self->clock().now(); }
    void end();

    pointer self;
    hub_endpoints endpoints;
    client_options options;
    route_cache routes;
    std::set<caf::actor_addr> listeners; // monitored: what they leave behind goes with them
    std::map<std::string, std::vector<hub_listener_actor>> watchers;
    std::map<std::string, routing_ptr> announced;
    std::map<std::string, broker_link> links;            // brokers in routes, by name and address
    std::map<std::string, actors::broker_actor> handles; // all that were dialed, by name and address
    std::map<std::string, std::pair<protocol::consumer_data, member_listener_actor>> groups;
    std::map<std::pair<std::string, producer_kind>, producer_listener_actor> producers;
    std::uint64_t groups_version = 0;
    std::size_t name_server_turn = 0; // sticks to one until it fails
    std::optional<time_point> armed;
    std::uint64_t armed_turn = 0;
};

std::string link_key(const std::string& broker_name, const std::string& address) {
    return broker_name + " " + address;
}

// ---- routes ---------------------------------------------------------------------------------------------------------

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
        ask(route_question{std::move(topic), false, 0, 0, {}});
}

void hub_state::ask(route_question question) {
    if (question.tried >= endpoints.name_servers.size()) {
        conclude(question);
        return;
    }
    const auto& server = endpoints.name_servers[(name_server_turn + question.tried) % endpoints.name_servers.size()];
    ++question.tried;
    const auto timeout = std::min(options.request_timeout, name_server_timeout_max);
    const auto topic = question.by_template ? std::string{template_topic} : question.topic;
    self->request(server, timeout, actors::find_route{topic})
        .then([this, question](const actors::route_found& found) { answered(question, found.route); },
              [this, question](const caf::error& failure) { refused(question, actors::to_error(failure)); });
}

void hub_state::answered(const route_question& question, const protocol::topic_route& route) {
    if (question.tried > 1)
        name_server_turn += question.tried - 1;
    const bool changed = routes.found(question.topic, question.by_template ? template_route(route) : route, now());
    if (changed || !announced.contains(question.topic))
        announce(question.topic);
    work();
}

void hub_state::refused(route_question question, const error& failure) {
    const bool spoke = classify_send_failure(failure.code) != retry_kind::until_timeout && failure.code != errc::timed_out;
    question.answered += spoke ? 1 : 0;
    if (spoke || question.last.code == errc::none)
        question.last = failure;
    ask(std::move(question));
}

void hub_state::conclude(const route_question& question) {
    if (question.answered > 0 && question.last.code == errc::topic_not_found && !question.by_template && options.auto_create_topics &&
        routes.may_create(question.topic)) {
        ask(route_question{question.topic, true, 0, 0, {}});
        return;
    }
    auto failure = question.last;
    if (question.answered == 0)
        failure = error{errc::no_name_server, "none of " + std::to_string(endpoints.name_servers.size()) + " name servers answers (" +
                                                  to_string(failure) + "); are they running?"};
    else if (failure.code == errc::topic_not_found)
        failure.text = "no name server knows topic " + question.topic + "; create it first";
    if (const auto final = routes.failed(question.topic, failure, now()))
        tell(question.topic, route_known{question.topic, nullptr, *final});
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

// ---- brokers --------------------------------------------------------------------------------------------------------

actors::broker_actor hub_state::handle_of(const std::string& broker_name, const std::string& address) {
    auto& handle = handles[link_key(broker_name, address)];
    if (!handle)
        handle = endpoints.dial(broker_name, address);
    return handle;
}

actors::broker_actor hub_state::link_to(const std::string& broker_name, const std::string& address) {
    const auto key = link_key(broker_name, address);
    if (const auto at = links.find(key); at != links.end())
        return at->second.handle;
    auto handle = handle_of(broker_name, address);
    if (handle)
        links[key] = broker_link{broker_name, address, handle, false, std::nullopt, now()};
    return handle;
}

void hub_state::drop_unused_links() {
    std::set<std::string> used;
    for (const auto& [broker_name, address] : routes.all_addresses())
        used.insert(link_key(broker_name, address));
    std::erase_if(links, [&](const auto& item) { return !used.contains(item.first); });
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
    for (auto& [key, link] : links) {
        if (link.broker_name != event.broker_name)
            continue;
        link.knows.reset();
        link.beat_due = std::min(link.beat_due, now() + heartbeat_retry);
    }
    arm();
}

void hub_state::handle(const actors::net::connection_changed& news) {
    for (auto& [key, link] : links)
        if (link.address == news.address) {
            link.knows.reset();
            if (news.change == actors::net::link_change::another)
                link.beat_due = now();
            else // a heartbeat dials: not as fast as a full broker closes connections
                link.beat_due = std::min(link.beat_due, now() + heartbeat_retry);
        }
    work();
}

caf::result<broker_dialed> hub_state::handle(const dial_broker& order) {
    auto handle = handle_of(order.broker_name, order.address);
    if (!handle)
        return actors::make_caf_error(errc::connect_failed, "there is no broker " + order.broker_name + " at " + order.address);
    return broker_dialed{handle};
}

caf::result<broker_dialed> hub_state::handle(const find_broker& order) const {
    for (const auto& [key, link] : links)
        if (link.broker_name == order.broker_name)
            return broker_dialed{link.handle};
    return actors::make_caf_error(errc::connect_failed, "no route names a broker " + order.broker_name + " now");
}

// ---- membership -----------------------------------------------------------------------------------------------------

void hub_state::handle(const join_group& order) {
    groups[order.data.group] = {order.data, order.listener};
    heed(order.listener);
    groups_changed();
}

void hub_state::handle(const join_producers& order) {
    producers[{order.group, order.kind}] = order.listener;
    heed(caf::actor_cast<hub_listener_actor>(order.listener));
    groups_changed();
}

void hub_state::groups_changed() {
    ++groups_version;
    for (auto& [key, link] : links)
        link.beat_due = now();
    work();
}

caf::typed_response_promise<group_left> hub_state::handle(const leave_group& order) {
    auto promise = self->make_response_promise<group_left>();
    leave(order.group, [promise]() mutable { promise.deliver(group_left{}); });
    return promise;
}

void hub_state::leave(const std::string& group, const std::function<void()>& done) {
    if (groups.erase(group) == 0 || links.empty()) {
        done();
        return;
    }
    ++groups_version;
    const auto left = std::make_shared<std::size_t>(links.size());
    const auto arrived = [done, left] {
        if (--*left == 0)
            done();
    };
    for (auto& [key, link] : links)
        self->request(link.handle, name_server_timeout_max, actors::unregister_client{options.client_id, {}, group})
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
    for (auto& [key, link] : links)
        if (!link.beating && link.beat_due <= now())
            beat(link);
}

void hub_state::beat(broker_link& link) {
    link.beating = true;
    link.beat_due = now() + options.heartbeat_interval;
    const auto key = link_key(link.broker_name, link.address);
    const auto session = caf::actor_cast<actors::client_session_actor>(hub_actor{self});
    self->request(link.handle, options.request_timeout, actors::client_heartbeat{make_heartbeat(), session})
        .then([this, key, version = groups_version](const actors::heartbeat_accepted&) { beat_ended(key, version); },
              [this, key](const caf::error&) { beat_ended(key, std::nullopt); });
}

void hub_state::beat_ended(const std::string& key, std::optional<std::uint64_t> accepted) {
    const auto at = links.find(key);
    if (at == links.end())
        return;
    auto& link = at->second;
    link.beating = false;
    if (!accepted)
        link.beat_due = now() + heartbeat_retry; // whatever asked for it meanwhile
    else if (*accepted != groups_version)
        link.beat_due = now();
    const bool news = accepted && link.knows != accepted;
    link.knows = accepted;
    if (news)
        for (const auto& [group, member] : groups)
            self->send(member.second, membership_changed{group});
    work();
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
        ++groups_version;
        for (auto& [key, link] : links)
            self->request(link.handle, name_server_timeout_max, actors::unregister_client{options.client_id, group, {}})
                .then([](const actors::client_unregistered&) {}, [](const caf::error&) {});
    }
    std::vector<std::pair<std::string, hub_listener_actor>> unwatched;
    for (const auto& [topic, all] : watchers)
        for (const auto& one : all)
            if (one.address() == listener)
                unwatched.emplace_back(topic, one);
    for (const auto& [topic, one] : unwatched)
        unwatch(topic, one);
    drop_unused_links();
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
    if (has_groups())
        for (const auto& [key, link] : links)
            if (!link.beating && (!next || link.beat_due < *next))
                next = link.beat_due;
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

hub_actor::behavior_type hub(hub_state::pointer self, hub_endpoints endpoints, client_options options) {
    auto& state = self->state;
    route_cache::options cache;
    cache.refresh = options.route_refresh;
    state.routes = route_cache{cache};
    state.endpoints = std::move(endpoints);
    state.options = std::move(options);
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
