#include "client/internal/reader.hpp"

#include "actors/messages/type_ids.hpp"
#include "client/internal/reader_state.hpp"
#include "client/internal/unique_key.hpp"

#include <caf/actor_system.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::client {

namespace {

error not_assigned(const message_queue& queue) {
    return {errc::queue_not_found,
            "queue " + std::to_string(queue.queue) + " of topic " + queue.topic + " on broker " + queue.broker_name + " is not assigned"};
}

} // namespace

// ---- subscriptions --------------------------------------------------------------------------------------------------

topic_interest& reader_state::watch(const std::string& topic) {
    const auto [at, is_new] = topics.try_emplace(topic);
    if (is_new) {
        at->second.generation = ++generations;
        at->second.filter = *subscription_filter::parse(options.pull_expression);
        at->second.version = wall_clock_ms();
        self->send(hub, watch_topic{topic, false, hub_listener_actor{self}});
    }
    return at->second;
}

topic_interest* reader_state::current(const std::string& topic, std::uint64_t generation) {
    const auto at = topics.find(topic);
    return at != topics.end() && at->second.generation == generation ? &at->second : nullptr;
}

void reader_state::handle(const change_subscription& order) {
    auto filter = subscription_filter::parse(order.wanted.value_or(message_selector{}));
    if (!filter)
        return; // the caller has checked it
    auto& interest = watch(order.topic);
    const bool changed = interest.subscribed && !(interest.filter == *filter);
    interest.subscribed = order.wanted.has_value();
    interest.filter = std::move(*filter);
    interest.version = wall_clock_ms();
    if (changed && interest.subscribed)
        read_again(order.topic);
    if (!interest.subscribed) {
        apply_queues(order.topic, interest, {});
        topics.erase(order.topic);
        statistics.forget(order.topic);
        self->send(hub, unwatch_topic{order.topic, hub_listener_actor{self}});
    }
    announce_membership();
    rebalance_due = now();
    work();
}

void reader_state::read_again(const std::string& topic) {
    // What was fetched ahead, and the pull that is under way, went by the old filter: it has left out what the new one lets pass.
    take_reports();
    for (auto& [queue, progress] : queues)
        if (queue.topic == topic && progress.located)
            restart(queue, progress, seek_target::at(progress.tracker.position()));
}

void reader_state::handle(const begin_reading&) {
    reading = true;
    commit_due = now() + options.commit_interval;
    rebalance_due = now();
    announce_membership();
    work();
}

void reader_state::handle(const route_known& news) {
    const auto at = topics.find(news.topic);
    if (at == topics.end())
        return;
    auto& interest = at->second;
    if (news.routing)
        interest.routing = news.routing;
    for (auto& asker : std::exchange(interest.askers, {}))
        asker->set_value(news.routing ? result<std::vector<message_queue>>{news.routing->readable} : news.failure);
    for (auto& order : std::exchange(interest.committed_askers, {})) {
        if (news.routing)
            query_committed(order);
        else
            order.answer->set_value(news.failure);
    }
    if (news.routing)
        rebalance_due = now();
    work();
}

void reader_state::handle(const membership_changed&) {
    rebalance_due = now();
    work();
}

// ---- orders with an answer ------------------------------------------------------------------------------------------

queue_positions reader_state::positions() const {
    queue_positions all;
    for (const auto& [queue, progress] : queues)
        if (progress.located)
            all[queue] = progress.tracker.position();
    return all;
}

queue_positions reader_state::positions_to_keep() const {
    auto all = positions();
    if (options.model == message_model::broadcasting)
        all.insert(options.local_offsets.begin(), options.local_offsets.end());
    return all;
}

void reader_state::handle(const ask_positions& order) {
    take_reports();
    order.answer->set_value(positions());
}

void reader_state::handle(const list_queues& order) {
    const bool watched = topics.contains(order.topic);
    auto& interest = watch(order.topic);
    if (interest.routing) {
        order.answer->set_value(interest.routing->readable);
        return;
    }
    interest.askers.push_back(order.answer);
    if (watched)
        self->send(hub, suspect_route{order.topic});
}

void reader_state::handle(const assign_queues& order) {
    reading = true;
    take_reports();
    const std::set<message_queue> wanted{order.queues.begin(), order.queues.end()};
    std::vector<message_queue> lost;
    for (const auto& [queue, progress] : queues)
        if (!wanted.contains(queue))
            lost.push_back(queue);
    for (const auto& queue : lost)
        release(queue);
    for (const auto& queue : wanted) {
        watch(queue.topic);
        if (!queues.contains(queue))
            acquire(queue, order.from);
    }
    order.answer->set_value(wanted.size());
    work();
}

void reader_state::handle(const seek_queue& order) {
    take_reports();
    const auto at = queues.find(order.queue);
    if (at == queues.end()) {
        order.answer->set_value(not_assigned(order.queue));
        return;
    }
    restart(order.queue, at->second, order.target);
    order.answer->set_value(std::size_t{1});
    work();
}

void reader_state::handle(const ask_position& order) {
    take_reports();
    const auto at = queues.find(order.queue);
    if (at == queues.end())
        order.answer->set_value(not_assigned(order.queue));
    else if (!at->second.located)
        order.answer->set_value(error{errc::busy, "the first position of the queue is still being looked up"});
    else
        order.answer->set_value(at->second.tracker.position());
}

void reader_state::handle(const commit_positions& order) {
    take_reports();
    auto round = std::make_shared<commit_round>();
    round->done = [answer = order.answer](const commit_round& all) {
        answer->set_value(all.failure.code == errc::none ? result<std::size_t>{all.count} : all.failure);
    };
    commit(round);
}

void reader_state::handle(const ask_committed& order) {
    auto& interest = watch(order.queue.topic);
    if (interest.routing)
        query_committed(order);
    else
        interest.committed_askers.push_back(order);
}

void reader_state::query_committed(const ask_committed& order) {
    const auto broker = broker_of(order.queue);
    if (!broker) { // a restarting broker leaves the route for a while
        self->send(hub, suspect_route{order.queue.topic});
        order.answer->set_value(
            error{errc::no_route, "no name server knows a broker " + order.queue.broker_name + " for topic " + order.queue.topic});
        return;
    }
    const progress_key key{options.group, {order.queue.topic, queue_id{order.queue.queue}}};
    self->request(broker, options.request_timeout, actors::query_offset{key, false})
        .then([answer = order.answer](const actors::offset_found& found) { answer->set_value(found.offset); },
              [answer = order.answer](const caf::error& failure) { answer->set_value(actors::to_error(failure)); });
}

void reader_state::handle(const end_reading& order) {
    take_reports();
    ending = true;
    end_direct();
    auto round = std::make_shared<commit_round>();
    round->done = [this, answer = order.answer](const commit_round&) {
        const auto last = positions_to_keep();
        if (!options.in_group) {
            answer->set_value(last);
            self->quit(caf::exit_reason::user_shutdown);
            return;
        }
        const auto finish = [this, answer, last] {
            answer->set_value(last);
            self->quit(caf::exit_reason::user_shutdown);
        };
        unlock_all([this, finish] {
            self->request(hub, options.request_timeout, leave_group{options.group})
                .then([finish](const group_left&) { finish(); }, [finish](const caf::error&) { finish(); });
        });
    };
    if (!options.in_group) {
        round->done(*round);
        return;
    }
    // What a broker has just taken back is done: committed, it does not come again from here as well.
    when_none_sent_back = [this, round] { commit(round); };
    // A broker that does not answer must not keep the others from hearing what is done.
    if (sending_back > 0)
        commit(std::make_shared<commit_round>());
    ++sending_back;
    send_back_ended();
}

// ---- time -----------------------------------------------------------------------------------------------------------

void reader_state::take_reports() {
    for (auto& report : reports->take_all())
        take_report(std::move(report));
}

void reader_state::handle(const inbox_filled&) {
    take_reports();
    work();
}

void reader_state::handle(const reader_tick& tick) {
    if (tick.turn != armed_turn)
        return;
    armed.reset();
    work();
}

void reader_state::work() {
    if (!reading || ending)
        return;
    give_up_direct();
    if (options.in_group && rebalance_due <= now()) {
        rebalance_due = now() + options.rebalance_interval;
        rebalance();
    }
    keep_locks();
    for (auto& [queue, progress] : queues) {
        hand_out(queue, progress);
        ask(queue, progress);
    }
    if (options.in_group && commit_due <= now()) {
        commit_due = now() + options.commit_interval;
        commit(std::make_shared<commit_round>());
    }
    arm();
}

void reader_state::arm() {
    std::optional<time_point> next;
    const auto consider = [&next](std::optional<time_point> when) {
        if (when && (!next || *when < *next))
            next = when;
    };
    if (options.in_group) {
        consider(rebalance_due);
        consider(commit_due);
    }
    consider(locks.next_due());
    if (!direct.empty())
        consider(direct.begin()->second.deadline);
    for (const auto& [queue, progress] : queues) {
        if (!may_read(queue))
            continue;
        consider(progress.next_ask());
        if (!progress.again.empty())
            consider(progress.again.begin()->first);
    }
    if (!next || (armed && *armed <= *next))
        return;
    armed = next;
    const auto pause = std::max(std::chrono::ceil<milliseconds>(*next - now()), milliseconds{1});
    self->delayed_send(self, pause, reader_tick{++armed_turn});
}

namespace {

reader_actor::behavior_type reader(reader_state::pointer self, reader_options options, hub_actor hub, std::shared_ptr<delivery_sink> sink,
                                   std::shared_ptr<report_inbox> reports, std::shared_ptr<reader_counters> counters) {
    auto& state = self->state;
    state.options = std::move(options);
    state.hub = std::move(hub);
    state.sink = std::move(sink);
    state.reports = std::move(reports);
    state.counters = std::move(counters);
    state.started_ms = wall_clock_ms();
    self->set_error_handler([](caf::error&) {});
    return {
        [self](const route_known& news) { self->state.handle(news); },
        [self](const membership_changed& event) { self->state.handle(event); },
        [self](const change_subscription& order) { self->state.handle(order); },
        [self](const begin_reading& order) { self->state.handle(order); },
        [self](const end_reading& order) { self->state.handle(order); },
        [self](const ask_positions& order) { self->state.handle(order); },
        [self](const list_queues& order) { self->state.handle(order); },
        [self](const assign_queues& order) { self->state.handle(order); },
        [self](const seek_queue& order) { self->state.handle(order); },
        [self](const ask_position& order) { self->state.handle(order); },
        [self](const commit_positions& order) { self->state.handle(order); },
        [self](const ask_committed& order) { self->state.handle(order); },
        [self](const inbox_filled& event) { self->state.handle(event); },
        [self](const actors::forward_to_client& order) { return self->state.handle(order); },
        [self](const actors::ask_client_status& order) { return self->state.handle(order); },
        [self](const actors::adopt_offsets& order) { self->state.handle(order); },
        [self](const directly_consumed& event) { self->state.handle(event); },
        [self](const reader_tick& tick) { self->state.handle(tick); },
    };
}

} // namespace

reader_actor spawn_reader(caf::actor_system& system, reader_options options, hub_actor hub, std::shared_ptr<delivery_sink> sink,
                          std::shared_ptr<report_inbox> reports, std::shared_ptr<reader_counters> counters) {
    return system.spawn(reader, std::move(options), std::move(hub), std::move(sink), std::move(reports), std::move(counters));
}

} // namespace troupe::client
