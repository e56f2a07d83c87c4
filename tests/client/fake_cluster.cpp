#include "tests/client/fake_cluster.hpp"

#include "actors/group/queue_locks.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe::test {

namespace {

struct hold_over {
    std::uint64_t number = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, hold_over& x) {
        return f(x.number);
    }
};

/// From the test, to run on the broker's side: answer held pulls; or, after a crash, fail them.
struct look_at_held {
    bool crashed = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, look_at_held& x) {
        return f(x.crashed);
    }
};
struct client_lost {
    std::string client_id;
    template <class Inspector>
    friend auto inspect(Inspector& f, client_lost& x) {
        return f(x.client_id);
    }
};

using fake_broker_impl = actors::broker_actor::extend_with<actors::message_back_actor>::extend_with<actors::queue_lock_role>::extend<
    caf::reacts_to<hold_over>, caf::reacts_to<look_at_held>, caf::reacts_to<client_lost>>;

struct held_pull {
    actors::pull_messages order;
    caf::typed_response_promise<actors::messages_pulled> promise;
};

struct broker_state {
    std::shared_ptr<fake_broker> shared;
    std::map<std::uint64_t, held_pull> held;
    std::vector<caf::typed_response_promise<actors::messages_stored>> unanswered;
    std::vector<std::pair<actors::commit_offset, caf::typed_response_promise<actors::offset_committed>>> unanswered_commits;
    std::vector<caf::typed_response_promise<actors::message_sent_back>> unanswered_give_backs;
    std::uint64_t next_hold = 0;
};

using broker_pointer = fake_broker_impl::stateful_pointer<broker_state>;

caf::error fail(errc code) {
    return actors::make_caf_error(code, "the test wants it");
}

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

/// (properties, body) of each message of a send.
std::vector<std::pair<std::string, std::string>> take_apart(const actors::send_messages& order) {
    if (!order.batch)
        return {{order.properties, std::string{order.body.view()}}};
    std::vector<std::pair<std::string, std::string>> all;
    auto rest = order.body.view();
    while (!rest.empty()) {
        const auto body_bytes = read_u32(rest, 16);
        const auto properties_at = 20 + body_bytes + 2;
        const auto total = read_u32(rest, 0);
        all.emplace_back(std::string{rest.substr(properties_at, total - properties_at)}, std::string{rest.substr(20, body_bytes)});
        rest.remove_prefix(total);
    }
    return all;
}

void append(fake_broker& broker, const topic_queue& queue, const std::string& properties, const std::string& body, std::int32_t sys_flag) {
    auto& log = broker.logs[queue];
    protocol::message m;
    m.topic = queue.topic;
    m.queue = queue.queue;
    m.properties = properties;
    m.sys_flag = sys_flag;
    m.body = payload{body};
    auto record = protocol::encode_record(m);
    const auto number = static_cast<std::int64_t>(log.size());
    protocol::place_record(std::span<char>{*record}, queue_offset{number}, log_position{number * 1000 + queue.queue.value()},
                           timestamp_ms{number});
    log.push_back(std::move(*record));
}

actors::messages_pulled read(fake_broker& broker, const actors::pull_messages& order) {
    const topic_queue queue{order.topic, order.queue};
    const auto& log = broker.logs[queue];
    actors::messages_pulled answer;
    answer.min = queue_offset{broker.first_offset[queue]};
    answer.max = queue_offset{static_cast<std::int64_t>(log.size())};
    answer.next = order.offset;
    if (const auto sent = broker.sent_to.extract(queue); !sent.empty()) {
        answer.status = actors::pull_status::offset_moved;
        answer.next = sent.mapped();
        return answer;
    }
    if (order.offset < answer.min || order.offset > answer.max) {
        answer.status = actors::pull_status::offset_moved;
        answer.next = order.offset < answer.min ? answer.min : answer.max;
        return answer;
    }
    std::string records;
    for (auto i = static_cast<std::size_t>(order.offset.value()); i < log.size(); ++i) {
        if (answer.next - order.offset >= order.messages_max)
            break;
        records += log[i];
        ++answer.next;
    }
    if (!records.empty())
        answer.status = actors::pull_status::found;
    answer.records = payload{std::move(records)};
    return answer;
}

void serve(broker_pointer self) {
    auto& state = self->state;
    for (auto at = state.held.begin(); at != state.held.end();) {
        auto answer = read(*state.shared, at->second.order);
        if (answer.status == actors::pull_status::no_new) {
            ++at;
            continue;
        }
        at->second.promise.deliver(std::move(answer));
        at = state.held.erase(at);
    }
}

caf::result<actors::messages_stored> handle(broker_pointer self, const actors::send_messages& order) {
    auto& broker = *self->state.shared;
    if (broker.down)
        return fail(errc::connect_failed);
    broker.sends.push_back(order);
    auto failure = errc::none;
    if (!broker.fail_sends.empty()) {
        failure = broker.fail_sends.front();
        broker.fail_sends.pop_front();
    }
    const bool outcome_unknown = failure == errc::connection_lost || failure == errc::timed_out;
    if (failure != errc::none && !outcome_unknown)
        return fail(failure);
    const topic_queue queue{order.topic, order.queue};
    actors::messages_stored answer;
    answer.queue = order.queue;
    answer.offset = queue_offset{static_cast<std::int64_t>(broker.logs[queue].size())};
    for (const auto& [properties, body] : take_apart(order)) {
        answer.message_ids += (answer.message_ids.empty() ? "" : ",") + std::to_string(broker.logs[queue].size());
        append(broker, queue, properties, body, 0);
    }
    serve(self);
    if (outcome_unknown)
        return fail(failure);
    if (broker.silent) {
        auto promise = self->make_response_promise<actors::messages_stored>();
        self->state.unanswered.push_back(promise);
        return promise;
    }
    return answer;
}

caf::result<actors::messages_pulled> handle(broker_pointer self, const actors::pull_messages& order) {
    auto& state = self->state;
    auto& broker = *state.shared;
    if (broker.down)
        return fail(errc::connect_failed);
    ++broker.pulls;
    if (!broker.fail_pulls.empty()) {
        const auto failure = broker.fail_pulls.front();
        broker.fail_pulls.pop_front();
        return fail(failure);
    }
    auto answer = read(broker, order);
    if (answer.status != actors::pull_status::no_new || order.hold_ms <= 0)
        return answer;
    auto promise = self->make_response_promise<actors::messages_pulled>();
    state.held.emplace(++state.next_hold, held_pull{order, promise});
    self->delayed_send(self, std::chrono::milliseconds{order.hold_ms}, hold_over{state.next_hold});
    return promise;
}

void handle(broker_pointer self, const hold_over& event) {
    auto& held = self->state.held;
    if (const auto at = held.find(event.number); at != held.end()) {
        at->second.promise.deliver(read(*self->state.shared, at->second.order));
        held.erase(at);
    }
}

void tell_group(broker_pointer self, const std::string& group) {
    for (const auto& [client, session] : self->state.shared->groups[group])
        self->send(session, actors::consumers_changed{group});
}

caf::result<actors::heartbeat_accepted> handle(broker_pointer self, const actors::client_heartbeat& beat) {
    auto& broker = *self->state.shared;
    if (broker.down || broker.deaf_to.contains(beat.data.client_id))
        return fail(errc::connect_failed);
    ++broker.heartbeats;
    for (const auto& consumer : beat.data.consumers)
        if (broker.groups[consumer.group].insert_or_assign(beat.data.client_id, beat.session).second)
            tell_group(self, consumer.group);
    return actors::heartbeat_accepted{};
}

caf::result<actors::client_unregistered> handle(broker_pointer self, const actors::unregister_client& order) {
    if (self->state.shared->down)
        return fail(errc::connect_failed);
    if (self->state.shared->groups[order.consumer_group].erase(order.client_id) > 0)
        tell_group(self, order.consumer_group);
    return actors::client_unregistered{};
}

caf::result<actors::group_members> handle(broker_pointer self, const actors::list_group_members& order) {
    auto& broker = *self->state.shared;
    if (broker.down)
        return fail(errc::connect_failed);
    if (!broker.fail_member_lists.empty()) {
        const auto failure = broker.fail_member_lists.front();
        broker.fail_member_lists.pop_front();
        return fail(failure);
    }
    actors::group_members members;
    for (const auto& [client, session] : broker.groups[order.group])
        members.client_ids.push_back(client);
    if (members.client_ids.empty())
        return fail(errc::group_not_found);
    return members;
}

caf::result<actors::offset_found> handle(broker_pointer self, const actors::query_offset& order) {
    auto& broker = *self->state.shared;
    if (broker.down)
        return fail(errc::connect_failed);
    const auto at = broker.offsets.find(order.key);
    if (at == broker.offsets.end())
        return fail(errc::offset_not_found);
    return actors::offset_found{at->second};
}

caf::result<actors::offset_committed> handle(broker_pointer self, const actors::commit_offset& order) {
    auto& broker = *self->state.shared;
    if (broker.down)
        return fail(errc::connect_failed);
    if (!broker.fail_commits.empty()) {
        const auto failure = broker.fail_commits.front();
        broker.fail_commits.pop_front();
        return fail(failure);
    }
    if (broker.silent_commits) {
        auto promise = self->make_response_promise<actors::offset_committed>();
        self->state.unanswered_commits.emplace_back(order, promise);
        return promise;
    }
    broker.offsets[order.key] = order.offset;
    broker.commits.emplace_back(order.key, order.offset);
    return actors::offset_committed{};
}

void store_held_commits(broker_pointer self) {
    auto& broker = *self->state.shared;
    auto held = std::exchange(self->state.unanswered_commits, {});
    std::reverse(held.begin(), held.end());
    for (auto& [order, promise] : held) {
        broker.offsets[order.key] = order.offset;
        broker.commits.emplace_back(order.key, order.offset);
        promise.deliver(actors::offset_committed{});
    }
}

caf::result<actors::message_sent_back> handle(broker_pointer self, const actors::send_message_back& order) {
    auto& broker = *self->state.shared;
    if (broker.down)
        return fail(errc::connect_failed);
    broker.given_back.push_back(order);
    if (!broker.fail_give_backs.empty()) {
        const auto failure = broker.fail_give_backs.front();
        broker.fail_give_backs.pop_front();
        return fail(failure);
    }
    if (!broker.silent_give_backs)
        return actors::message_sent_back{};
    auto promise = self->make_response_promise<actors::message_sent_back>();
    self->state.unanswered_give_backs.push_back(promise);
    return promise;
}

void handle(broker_pointer self, const client_lost& event) {
    auto& broker = *self->state.shared;
    broker.locks.session_lost(std::hash<std::string>{}(event.client_id) | 1);
    for (auto& [group, clients] : broker.groups)
        if (clients.erase(event.client_id) > 0)
            tell_group(self, group);
}

caf::result<actors::queues_locked> handle(broker_pointer self, const actors::lock_queues& order) {
    auto& broker = *self->state.shared;
    if (broker.down || broker.deaf_to.contains(order.request.client_id))
        return fail(errc::connect_failed);
    const auto session = std::hash<std::string>{}(order.request.client_id) | 1;
    auto held = broker.locks.lock(order.request, session, self->clock().now());
    return held ? caf::result<actors::queues_locked>{actors::queues_locked{*held}} : fail(held.failure().code);
}

caf::result<actors::queues_unlocked> handle(broker_pointer self, const actors::unlock_queues& order) {
    auto& broker = *self->state.shared;
    if (broker.down || broker.deaf_to.contains(order.request.client_id))
        return fail(errc::connect_failed);
    broker.locks.unlock(order.request);
    return actors::queues_unlocked{};
}

template <class Answer>
caf::result<Answer> refuse() {
    return fail(errc::not_supported);
}

fake_broker_impl::behavior_type run_broker(broker_pointer self, std::shared_ptr<fake_broker> shared) {
    self->state.shared = std::move(shared);
    auto* broker = self->state.shared.get();
    const caf::weak_actor_ptr weak = self->ctrl();
    const auto tell = [weak](bool crashed) {
        if (auto strong = weak.lock())
            caf::anon_send(caf::actor_cast<fake_broker_impl>(std::move(strong)), look_at_held{crashed});
    };
    broker->lose_client = [weak](const std::string& client_id) {
        if (auto strong = weak.lock())
            caf::anon_send(caf::actor_cast<fake_broker_impl>(std::move(strong)), client_lost{client_id});
    };
    broker->serve_held = [tell] { tell(false); };
    broker->crash = [tell, broker] {
        broker->down = true;
        broker->groups.clear();
        broker->locks = actors::queue_lock_table{{}};
        tell(true);
    };
    using namespace actors;
    return {
        [self](const send_messages& x) { return handle(self, x); },
        [self](const pull_messages& x) { return handle(self, x); },
        [self](const commit_offset& x) { return handle(self, x); },
        [self](const query_offset& x) { return handle(self, x); },
        [broker](const find_max_offset& x) -> caf::result<offset_found> {
            if (broker->down)
                return fail(errc::connect_failed);
            return offset_found{queue_offset{static_cast<std::int64_t>(broker->logs[x.queue].size())}};
        },
        [broker](const find_min_offset& x) -> caf::result<offset_found> {
            if (broker->down)
                return fail(errc::connect_failed);
            return offset_found{queue_offset{broker->first_offset[x.queue]}};
        },
        [](const search_offset& x) -> caf::result<offset_found> { return offset_found{queue_offset{x.time.value()}}; },
        [self](const client_heartbeat& x) { return handle(self, x); },
        [self](const unregister_client& x) { return handle(self, x); },
        [self](const list_group_members& x) { return handle(self, x); },
        [](const put_topic&) { return refuse<topic_put>(); },
        [](const delete_topic&) { return refuse<topic_deleted>(); },
        [](const list_topics&) { return refuse<topics_listed>(); },
        [](const describe_topic&) { return refuse<topic_described>(); },
        [](const put_group&) { return refuse<group_put>(); },
        [](const delete_group&) { return refuse<group_deleted>(); },
        [](const list_groups&) { return refuse<groups_listed>(); },
        [](const describe_group&) { return refuse<group_described>(); },
        [](const describe_broker&) { return refuse<broker_described>(); },
        [self](const send_message_back& x) { return handle(self, x); },
        [self](const lock_queues& x) { return handle(self, x); },
        [self](const unlock_queues& x) { return handle(self, x); },
        [self](const hold_over& x) { handle(self, x); },
        [self](const client_lost& x) { handle(self, x); },
        [self, broker](const look_at_held& x) {
            if (!x.crashed) {
                serve(self);
                if (!broker->silent_give_backs)
                    for (auto& promise : std::exchange(self->state.unanswered_give_backs, {}))
                        promise.deliver(message_sent_back{});
                if (!broker->silent_commits)
                    store_held_commits(self);
                return;
            }
            for (auto& [number, pull] : self->state.held)
                pull.promise.deliver(fail(errc::connection_lost));
            self->state.held.clear();
        },
    };
}

protocol::topic_route make_route(const fake_cluster::routes& known, const std::string& topic, int queues) {
    protocol::topic_route route;
    for (const auto& broker_name : known.shown) {
        if (known.hidden.contains({topic, broker_name}))
            continue;
        route.brokers.push_back({"c", broker_name, {{0, broker_name}}});
        route.queues.push_back({broker_name, queues, queues, permission::read_write, 0});
    }
    return route;
}

actors::name_server_actor::behavior_type run_name_server(actors::name_server_actor::pointer, std::shared_ptr<fake_cluster::routes> known) {
    using namespace actors;
    return {
        [](const register_broker&) { return broker_registered{}; },
        [](const unregister_broker&) { return broker_unregistered{}; },
        [](const broker_heartbeat&) { return broker_registered{}; },
        [known](const find_route& x) -> caf::result<route_found> {
            ++known->asked;
            if (known->down)
                return fail(errc::connect_failed);
            const auto at = known->topics.find(x.topic);
            if (at == known->topics.end() || known->shown.empty())
                return fail(errc::topic_not_found);
            return route_found{make_route(*known, at->first, at->second)};
        },
        [](const describe_cluster&) { return cluster_described{}; },
        [](const list_all_topics&) { return all_topics{}; },
        [](const forget_route&) { return route_forgotten{}; },
    };
}

} // namespace

world::config::config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.verbosity", caf::atom("quiet"));
    actors::register_types(*this);
}

world::world()
    : system_{std::make_unique<caf::actor_system>(config_)},
      coordinator_{dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler())} {}

world::~world() {
    run();
    system_->await_actors_before_shutdown(false); // a failed check must not wait for actors that nobody ends
}

void world::run() {
    while (coordinator_->try_run_once()) {
    }
}

caf::actor_clock::time_point world::now() {
    return coordinator_->clock().current_time;
}

std::size_t world::timers() {
    return coordinator_->clock().schedule().size();
}

bool world::run_to_next_timer(caf::actor_clock::time_point end) {
    run();
    auto& clock = coordinator_->clock();
    auto& timers = clock.schedule();
    const auto next = timers.empty() ? end : std::max(timers.begin()->first, clock.current_time);
    if (next >= end) {
        coordinator_->advance_time(std::max(std::chrono::duration_cast<caf::timespan>(end - clock.current_time), caf::timespan{0}));
        run();
        return false;
    }
    coordinator_->advance_time(std::chrono::duration_cast<caf::timespan>(next - clock.current_time));
    run();
    return true;
}

void world::run_for(std::chrono::milliseconds span) {
    const auto end = coordinator_->clock().current_time + span;
    while (run_to_next_timer(end)) {
    }
}

bool world::run_until(const std::function<bool()>& reached, std::chrono::milliseconds limit) {
    const auto end = coordinator_->clock().current_time + limit;
    run();
    while (!reached())
        if (!run_to_next_timer(end))
            return reached();
    return true;
}

void fake_broker::store(const topic_queue& queue, const std::string& body, const std::string& tags, std::int32_t sys_flag) {
    append(*this, queue, tags.empty() ? "" : "TAGS\001" + tags + "\002", body, sys_flag);
    serve_held();
}

void fake_broker::store_with(const topic_queue& queue, const std::string& body, const std::string& properties) {
    append(*this, queue, properties, body, 0);
    serve_held();
}

std::vector<std::string> fake_broker::bodies(const topic_queue& queue) const {
    std::vector<std::string> all;
    if (const auto at = logs.find(queue); at != logs.end())
        for (const auto& record : at->second)
            all.emplace_back(protocol::view_record(record).body);
    return all;
}

fake_cluster::fake_cluster(world& all, const std::vector<std::string>& broker_names) : all_{all} {
    for (const auto& broker_name : broker_names) {
        auto broker = std::make_shared<fake_broker>();
        broker->broker_name = broker_name;
        brokers[broker_name] = broker;
        handles[broker_name] = all.system().spawn(run_broker, broker);
        known->shown.insert(broker_name);
    }
    name_server = all.system().spawn(run_name_server, known);
    all.run();
}

fake_cluster::~fake_cluster() {
    for (const auto& [name, handle] : handles)
        caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    all_.run();
}

void fake_cluster::add_topic(const std::string& topic, int queues_per_broker) {
    known->topics[topic] = queues_per_broker;
}

void fake_cluster::show(const std::string& broker_name, bool shown) {
    if (shown)
        known->shown.insert(broker_name);
    else
        known->shown.erase(broker_name);
}

} // namespace troupe::test
