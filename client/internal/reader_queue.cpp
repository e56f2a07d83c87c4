#include "actors/messages/message_back.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_proxy.hpp"
#include "client/internal/reader_state.hpp"
#include "client/internal/to_received.hpp"
#include "client/internal/unique_key.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::client {

namespace {

constexpr std::size_t chunk_messages_max = 32; // handed to one handler thread at a time
constexpr milliseconds save_retry{100};

topic_queue number_of(const message_queue& queue) {
    return {queue.topic, queue_id{queue.queue}};
}

/// A body is part of all that its pull has brought, and would hold that for as long as the message is tried.
void keep_alone(stored_message& m) {
    m.message.body = payload{std::string{m.message.body.view()}};
}

} // namespace

// ---- coming and going -----------------------------------------------------------------------------------------------

queue_progress& reader_state::acquire(const message_queue& queue, std::optional<seek_target> target) {
    auto& progress = queues.try_emplace(queue, options.fetch, ++generations).first->second;
    progress.target = target;
    progress.not_before = now();
    progress.last_handled_ms = wall_clock_ms();
    if (needs_locks())
        locks.want(queue, now());
    return progress;
}

void reader_state::release(const message_queue& queue) {
    const auto at = queues.find(queue);
    if (at == queues.end())
        return;
    at->second.revoked->store(true);
    sink->revoke(queue);
    if (needs_locks()) {
        auto progress = std::move(at->second);
        queues.erase(at);
        leave(queue, std::move(progress));
        return;
    }
    if (options.in_group && options.model == message_model::clustering)
        commit_last(queue, at->second);
    if (options.in_group && options.model == message_model::broadcasting && at->second.located)
        options.local_offsets[queue] = at->second.tracker.position();
    note_handlers(queue, at->second);
    queues.erase(at);
}

void reader_state::restart(const message_queue& queue, queue_progress& progress, std::optional<seek_target> target) {
    progress.revoked->store(true);
    sink->revoke(queue);
    note_handlers(queue, progress);
    const auto committed = progress.committed;
    const auto adopted = progress.adopted;
    auto given_up = std::move(progress.given_up);
    progress = queue_progress{options.fetch, ++generations};
    progress.committed = committed;
    progress.adopted = adopted;
    progress.given_up = std::move(given_up);
    progress.target = target;
    progress.not_before = now();
    progress.last_handled_ms = wall_clock_ms();
}

actors::broker_actor reader_state::broker_of(const message_queue& queue) {
    if (const auto topic = topics.find(queue.topic); topic != topics.end() && topic->second.routing) {
        const auto& brokers = topic->second.routing->brokers;
        if (const auto at = brokers.find(queue.broker_name); at != brokers.end())
            return at->second;
    }
    const auto left = leaving.find(queue);
    return left != leaving.end() ? left->second.broker : actors::broker_actor{};
}

queue_progress* reader_state::current(const message_queue& queue, std::uint64_t generation) {
    const auto at = queues.find(queue);
    return at != queues.end() && at->second.generation == generation ? &at->second : nullptr;
}

queue_progress* reader_state::progress_of(const message_queue& queue, std::uint64_t generation) {
    if (auto* progress = current(queue, generation))
        return progress;
    const auto left = leaving.find(queue);
    return left != leaving.end() && left->second.progress.generation == generation ? &left->second.progress : nullptr;
}

// ---- asking ---------------------------------------------------------------------------------------------------------

void reader_state::ask(const message_queue& queue, queue_progress& progress) {
    const bool wants_location = progress.wants_location(now());
    if ((!wants_location && !progress.wants_pull(now())) || !may_read(queue))
        return;
    if (!broker_of(queue)) { // left the route; a restarting broker comes back
        progress.fail(now());
        self->send(hub, suspect_route{queue.topic});
        return;
    }
    progress.asking = true;
    if (wants_location)
        locate(queue, progress);
    else
        pull(queue, progress);
}

void reader_state::locate(const message_queue& queue, queue_progress& progress) {
    if (progress.target) {
        switch (progress.target->kind()) {
        case seek_target::kind_type::offset:
            progress.asking = false;
            progress.start_at(queue_offset{progress.target->value()}, false);
            ask(queue, progress);
            return;
        case seek_target::kind_type::first: locate_by(queue, progress, actors::find_min_offset{number_of(queue)}, false); return;
        case seek_target::kind_type::last: locate_by(queue, progress, actors::find_max_offset{number_of(queue)}, false); return;
        case seek_target::kind_type::time:
            locate_by(queue, progress, actors::search_offset{number_of(queue), timestamp_ms{progress.target->value()}, false}, false);
            return;
        case seek_target::kind_type::committed: break;
        }
    }
    if (options.in_group && options.model == message_model::broadcasting) {
        const auto kept = options.local_offsets.find(queue);
        if (kept == options.local_offsets.end()) {
            locate_by_policy(queue, progress);
            return;
        }
        progress.asking = false;
        progress.start_at(kept->second, true);
        ask(queue, progress);
        return;
    }
    if (const auto open = commits.find(queue); open != commits.end()) { // it was ours before, and is asked for when that is through
        open->second.locating = progress.generation;
        return;
    }
    // Without RocketMQ's "0 for a young queue": the group's own first position decides, which is what users expect of it.
    locate_by(queue, progress, actors::query_offset{{options.group, number_of(queue)}, false}, true);
}

void reader_state::locate_by_policy(const message_queue& queue, queue_progress& progress) {
    // A retry topic holds nothing but what this group has still to do.
    const bool from_first =
        progress.target || is_new_queue(queue) || options.from == consume_from::first_offset || is_retry_topic(queue.topic);
    if (from_first)
        locate_by(queue, progress, actors::find_min_offset{number_of(queue)}, false);
    else if (options.from == consume_from::timestamp)
        locate_by(queue, progress, actors::search_offset{number_of(queue), options.from_time, false}, false);
    else
        locate_by(queue, progress, actors::find_max_offset{number_of(queue)}, false);
}

template <class Order>
void reader_state::locate_by(const message_queue& queue, queue_progress& progress, Order order, bool is_committed) {
    const auto generation = progress.generation;
    self->request(broker_of(queue), options.request_timeout, std::move(order))
        .then(
            [this, queue, generation, is_committed](const actors::offset_found& found) {
                if (auto* asked = current(queue, generation))
                    first_position_found(queue, *asked, found.offset, is_committed);
            },
            [this, queue, generation, is_committed](const caf::error& problem) {
                const auto failure = actors::to_error(problem);
                auto* asked = current(queue, generation);
                if (asked != nullptr && is_committed && failure.code == errc::offset_not_found && broker_of(queue))
                    locate_by_policy(queue, *asked);
                else
                    asking_failed(queue, generation, failure);
            });
}

void reader_state::first_position_found(const message_queue& queue, queue_progress& progress, queue_offset found, bool is_committed) {
    if (is_committed || !options.in_group) {
        if (progress.committed && found < *progress.committed)
            progress.given_up.clear(); // while nothing was read here, an operator has sent the group back: perhaps to have them again
        start(progress, found, is_committed);
        return;
    }
    // A group's first position must outlive this member before it delivers anything: a successor that finds nothing committed
    // would begin at the end of its own time and skip what was delivered here and not done.
    if (options.model == message_model::broadcasting) {
        commit_due = now();
        start(progress, found, false);
        return;
    }
    const auto broker = broker_of(queue);
    const auto generation = progress.generation;
    if (!broker) {
        asking_failed(queue, generation, {errc::no_route, "no route to broker " + queue.broker_name});
        return;
    }
    auto round = std::make_shared<commit_round>();
    round->left = 1;
    round->done = [this, queue, generation, found](const commit_round& all) {
        if (all.failure.code != errc::none)
            asking_failed(queue, generation, all.failure);
        else if (auto* asked = current(queue, generation))
            start(*asked, found, true);
    };
    send_commit(queue, broker, {generation, found}, {round});
}

void reader_state::start(queue_progress& progress, queue_offset first, bool is_committed) {
    progress.asking = false;
    progress.start_at(first, is_committed);
    work();
}

void reader_state::pull(const message_queue& queue, queue_progress& progress) {
    const auto& fetch = options.fetch;
    const auto& interest = topics[queue.topic];
    actors::pull_messages order;
    order.group = options.group;
    order.topic = queue.topic;
    order.queue = queue_id{queue.queue};
    order.offset = progress.tracker.next();
    const auto messages_free = static_cast<std::int64_t>(progress.messages_free());
    const auto bytes_free = static_cast<std::int64_t>(progress.window.bytes_free());
    order.messages_max = static_cast<std::int32_t>(std::min<std::int64_t>(fetch.pull_messages_max, messages_free));
    order.bytes_max = static_cast<std::int32_t>(std::min<std::int64_t>(fetch.pull_bytes_max, bytes_free));
    order.hold_ms = fetch.pull_hold.count();
    // The expression travels along, so that a broker that has restarted answers before it has heard a heartbeat.
    order.has_expression = true;
    order.expression = interest.filter.expression();
    order.expression_type = interest.filter.type();
    order.subscription_version = interest.version;
    const auto generation = progress.generation;
    progress.pulled_at = now();
    progress.last_pull_ms = wall_clock_ms();
    counters->pulls.fetch_add(1, std::memory_order_relaxed);
    self->request(broker_of(queue), fetch.pull_timeout, std::move(order))
        .then(
            [this, queue, generation](const actors::messages_pulled& answer) {
                if (auto* asked = current(queue, generation)) {
                    asked->asking = false;
                    pulled(queue, *asked, answer);
                }
            },
            [this, queue, generation](const caf::error& failure) { asking_failed(queue, generation, actors::to_error(failure)); });
}

void reader_state::asking_failed(const message_queue& queue, std::uint64_t generation, const error& failure) {
    auto* asked = current(queue, generation);
    if (asked == nullptr)
        return;
    asked->asking = false;
    asked->fail(now());
    counters->pulls_failed.fetch_add(1, std::memory_order_relaxed);
    if (hints_at_old_route(failure.code))
        self->send(hub, suspect_route{queue.topic});
    if (hints_at_lost_broker(failure.code) || failure.code == errc::subscription_not_found || failure.code == errc::subscription_outdated ||
        failure.code == errc::group_not_found)
        broker_lost(queue.broker_name);
    arm();
}

// ---- messages -------------------------------------------------------------------------------------------------------

void reader_state::pulled(const message_queue& queue, queue_progress& progress, const actors::messages_pulled& answer) {
    switch (answer.status) {
    case actors::pull_status::found: take_records(queue, progress, answer); break;
    case actors::pull_status::no_new:
    case actors::pull_status::no_match:
        progress.pause.succeed();
        progress.tracker.advance(answer.next);
        break;
    case actors::pull_status::offset_moved:
        if (answer.next != progress.tracker.next()) {
            moved(queue, progress, answer);
            break;
        }
        progress.fail(now());
        break;
    }
    if (ending || !reading)
        return;
    hand_out(queue, progress);
    ask(queue, progress);
    arm();
}

void reader_state::moved(const message_queue& queue, queue_progress& progress, const actors::messages_pulled& answer) {
    auto& tracker = progress.tracker;
    if (tracker.next() > answer.max) {
        // The broker has lost its unsynced end. What lies below and was not handled is still there: it must not be passed over.
        progress.given_up.clear(); // other messages may get these offsets
        restart(queue, progress, seek_target::at(std::min(tracker.position(), answer.next)));
        return;
    }
    if (tracker.next() < answer.min && answer.next == answer.min) {
        tracker.advance(answer.next); // retention was faster: what is held here is nowhere else any more
        return;
    }
    progress.adopted.reset();
    progress.given_up.clear();
    restart(queue, progress, seek_target::at(answer.next)); // an operator has sent the group elsewhere
    progress.committed.reset();                             // the broker has that place now, and not what was committed before
}

void reader_state::take_records(const message_queue& queue, queue_progress& progress, const actors::messages_pulled& answer) {
    auto records = protocol::decode_records(answer.records);
    if (!records) { // damaged on its way: ask again
        progress.fail(now());
        counters->pulls_failed.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    progress.pause.succeed();
    statistics.pulled(queue.topic, records->size(), now() - progress.pulled_at, now());
    const auto& filter = topics[queue.topic].filter;
    std::vector<stored_message> messages;
    messages.reserve(records->size());
    for (auto& record : *records) {
        const auto sys_flag = record.sys_flag;
        stored_message m{to_received_packed(queue, std::move(record)), sys_flag};
        if (!filter.matches(m.message.tags()) || progress.is_given_up(m.message) || !progress.tracker.add(m.message.offset))
            continue;
        progress.window.take(window_bytes(m));
        messages.push_back(std::move(m));
    }
    progress.tracker.advance(answer.next);
    if (options.ordered)
        std::move(messages.begin(), messages.end(), std::back_inserter(progress.backlog));
    else
        hand_out_now(queue, progress, std::move(messages));
}

void reader_state::hand_out_now(const message_queue& queue, const queue_progress& progress, std::vector<stored_message> messages) {
    const auto share = messages.size() / std::max<std::size_t>(options.handler_threads, 1);
    const auto chunk = options.in_group ? std::clamp<std::size_t>(share, 1, chunk_messages_max) : messages.size();
    for (std::size_t first = 0; first < messages.size(); first += chunk) {
        const auto last = std::min(first + chunk, messages.size());
        delivery part{queue, progress.generation, progress.revoked, {}, nullptr};
        part.messages.assign(std::make_move_iterator(messages.begin() + static_cast<std::ptrdiff_t>(first)),
                             std::make_move_iterator(messages.begin() + static_cast<std::ptrdiff_t>(last)));
        sink->deliver(std::move(part));
    }
}

void reader_state::hand_out(const message_queue& queue, queue_progress& progress) {
    if (options.ordered) {
        const bool paused = !progress.again.empty() && progress.again.begin()->first > now();
        if (progress.handed_out || progress.backlog.empty() || paused || !may_read(queue))
            return;
        progress.again.clear(); // only says when: the message itself is at the front of the backlog
        delivery part{queue, progress.generation, progress.revoked, {}, locks.belief_in(queue)};
        while (!progress.backlog.empty() && part.messages.size() < chunk_messages_max) {
            part.messages.push_back(std::move(progress.backlog.front()));
            progress.backlog.pop_front();
        }
        progress.handed_out = true;
        sink->deliver(std::move(part));
        return;
    }
    std::vector<stored_message> due;
    while (!progress.again.empty() && progress.again.begin()->first <= now()) {
        due.push_back(std::move(progress.again.begin()->second));
        progress.again.erase(progress.again.begin());
    }
    if (!due.empty())
        hand_out_now(queue, progress, std::move(due));
}

void reader_state::take_report(delivery_report report) {
    counters->messages_done.fetch_add(report.done.size(), std::memory_order_relaxed);
    const bool has_handled = !report.done.empty() || report.failures > 0;
    if (has_handled && topics.contains(report.queue.topic)) // else it would be kept for a topic that was left
        statistics.handled(report.queue.topic, report.done.size(), report.failures, report.spent, now());
    auto* progress = current(report.queue, report.generation);
    if (progress == nullptr) {
        handlers_left(report);
        return;
    }
    for (const auto& [offset, bytes] : report.done)
        if (progress->tracker.done(offset))
            progress->window.release(bytes);
    if (has_handled)
        progress->last_handled_ms = wall_clock_ms();
    if (options.ordered) {
        take_in_order(*progress, std::move(report));
        return;
    }
    for (auto& m : report.again) {
        if (options.send_back)
            give_back(report.queue, report.generation, std::move(m));
        else
            deliver_again(*progress, std::move(m));
    }
}

/// What failed is at the front of what comes back.
void reader_state::take_in_order(queue_progress& progress, delivery_report report) {
    const auto& rules = options.redelivery;
    std::optional<stored_message> given_up;
    if (report.failed && !report.again.empty()) {
        auto& first = report.again.front();
        // Without the lock it is another member's by now, who has tries of its own.
        if (options.send_back && rules.is_over(first.message.reconsume_times, first.message.local_redeliveries) && may_read(report.queue)) {
            given_up = std::move(first);
            report.again.erase(report.again.begin());
        } else {
            progress.again.emplace(now() + rules.delay(first.message.local_redeliveries), stored_message{});
            keep_alone(first);
        }
    }
    for (auto m = report.again.rbegin(); m != report.again.rend(); ++m)
        progress.backlog.push_front(std::move(*m));
    if (!given_up) {
        progress.handed_out = progress.handed_out && !report.finished;
        return;
    }
    // Should the queue begin anew before that is committed, as it does when its lock is lost: the message is dead all the same.
    progress.note_given_up(given_up->message);
    // The queue counts as handed out until its broker has answered: nothing passes the message, and nobody else gets the queue.
    give_back(report.queue, report.generation, std::move(*given_up));
}

void reader_state::deliver_again(queue_progress& progress, stored_message failed) {
    const auto when = now() + options.redelivery.delay(failed.message.local_redeliveries);
    keep_alone(failed);
    if (!options.ordered) {
        progress.again.emplace(when, std::move(failed));
        return;
    }
    progress.again.emplace(when, stored_message{});
    progress.backlog.push_front(std::move(failed));
    progress.handed_out = false;
}

void reader_state::give_back(const message_queue& queue, std::uint64_t generation, stored_message failed) {
    const auto broker = actors::net::role_of<actors::message_back_actor>(broker_of(queue));
    const auto id = protocol::parse_offset_message_id(failed.message.offset_message_id);
    if (!broker || !id) {
        not_taken_back(queue, generation, std::move(failed));
        return;
    }
    actors::send_message_back order;
    order.position = id->second;
    order.group = options.group;
    order.retry_max = options.redelivery.redeliveries_max;
    order.origin_topic = failed.message.queue.topic;
    order.origin_message_id = failed.message.message_id();
    if (options.ordered) { // in the retry topic it would come again behind what it must not be passed by
        order.delay_level = -1;
        order.tries = redelivery_policy::tries_before(failed.message.reconsume_times, failed.message.local_redeliveries);
    }
    ++sending_back;
    self->request(broker, options.request_timeout, std::move(order))
        .then(
            [this, queue, generation, failed](const actors::message_sent_back&) {
                taken_back(queue, generation, failed);
                send_back_ended();
                work();
            },
            [this, queue, generation, failed](const caf::error& problem) {
                if (hints_at_lost_broker(actors::to_error(problem).code))
                    broker_lost(queue.broker_name);
                not_taken_back(queue, generation, failed);
                send_back_ended();
                work();
            });
}

void reader_state::taken_back(const message_queue& queue, std::uint64_t generation, const stored_message& failed) {
    counters->messages_sent_back.fetch_add(1, std::memory_order_relaxed);
    const auto bytes = window_bytes(failed);
    auto* progress = current(queue, generation);
    if (progress == nullptr) {
        handlers_left({queue, generation, {{failed.message.offset, bytes}}, {}, false, true});
        return;
    }
    if (progress->tracker.done(failed.message.offset))
        progress->window.release(bytes);
    if (options.ordered) {
        progress->handed_out = false;
        commit_due = now(); // whoever has the queue next shall not make another dead letter of it
    }
}

/// It is tried once more here, and given back again if it fails.
void reader_state::not_taken_back(const message_queue& queue, std::uint64_t generation, stored_message failed) {
    counters->send_backs_failed.fetch_add(1, std::memory_order_relaxed);
    if (const auto at = queues.find(queue); at != queues.end())
        at->second.given_up.erase(failed.message.offset);
    if (auto* progress = current(queue, generation))
        deliver_again(*progress, std::move(failed));
    else // whoever reads the queue now gets it anew
        handlers_left({queue, generation, {}, {}, false, true});
}

void reader_state::send_back_ended() {
    if (--sending_back == 0 && when_none_sent_back)
        std::exchange(when_none_sent_back, nullptr)();
}

// ---- offsets --------------------------------------------------------------------------------------------------------

void reader_state::commit(const std::shared_ptr<commit_round>& round) {
    if (options.in_group && options.model == message_model::broadcasting) {
        save_local();
        if (round->done)
            round->done(*round);
        return;
    }
    std::vector<std::pair<message_queue, const queue_progress*>> dirty;
    for (const auto& [queue, progress] : queues)
        if (progress.wants_commit() && may_commit(queue, progress))
            dirty.emplace_back(queue, &progress);
    for (const auto& [queue, left] : leaving)
        if (left.progress.wants_commit() && locks.holds(queue, lock_now()))
            dirty.emplace_back(queue, &left.progress);
    round->left = dirty.size();
    if (ending)
        wait_for_last(round);
    if (round->left == 0 && round->done)
        round->done(*round);
    for (const auto& [queue, progress] : dirty)
        commit_one(queue, *progress, round);
}

/// Queues that were given up, and whose last commit is to follow one that is under way: a reader must not end before that.
void reader_state::wait_for_last(const std::shared_ptr<commit_round>& round) {
    for (auto& [queue, open] : commits)
        if (open.last && !queues.contains(queue) && !leaving.contains(queue)) {
            ++round->left;
            open.waiting.push_back(round);
        }
}

/// The queue began anew while a commit of how far it was before was under way: what the broker has is not known.
void reader_state::commit_again(const message_queue& queue) {
    const auto at = queues.find(queue);
    if (ending || at == queues.end())
        return;
    at->second.committed.reset();
    commit_due = now();
    arm();
}

void reader_state::save_local() {
    if (!options.save_local)
        return;
    if (saving->exchange(true)) { // a slow disk: two saves at once would write one file
        commit_due = std::min(commit_due, now() + save_retry);
        return;
    }
    sink->run_blocking([save = options.save_local, all = positions_to_keep(), running = saving] {
        save(all);
        running->store(false);
    });
}

void reader_state::commit_one(const message_queue& queue, const queue_progress& progress, const std::shared_ptr<commit_round>& round) {
    if (const auto open = commits.find(queue); open != commits.end()) {
        open->second.again = true;
        if (round->done) { // else nobody waits for it
            open->second.waiting.push_back(round);
            if (!needs_locks()) // without the lock it would be another member's offset
                open->second.last = commit_point{progress.generation, progress.tracker.position()};
        }
    } else if (const auto broker = broker_of(queue)) {
        send_commit(queue, broker, {progress.generation, progress.tracker.position()}, {round});
    } else {
        self->send(hub, suspect_route{queue.topic});
        counters->commits_failed.fetch_add(1, std::memory_order_relaxed);
        commit_ended({round}, {errc::no_route, "no route to broker " + queue.broker_name});
    }
}

/// The queue is given up, and nothing of it is left here but this commit.
void reader_state::commit_last(const message_queue& queue, const queue_progress& progress) {
    if (const auto open = commits.find(queue); open != commits.end() && progress.located) {
        open->second.again = true;
        open->second.last = commit_point{progress.generation, progress.tracker.position()};
    } else if (progress.wants_commit()) {
        auto round = std::make_shared<commit_round>();
        round->left = 1;
        commit_one(queue, progress, round);
    }
}

void reader_state::send_commit(const message_queue& queue, const actors::broker_actor& broker, const commit_point& point,
                               std::vector<std::shared_ptr<commit_round>> rounds) {
    const bool is_ours = !needs_locks() || locks.holds(queue, lock_now());
    commits.try_emplace(queue).first->second.broker = broker;
    // Before the last one of a reader that ends: that waits for this one, and whoever stops the reader not for much longer than for an answer.
    const auto timeout = when_none_sent_back ? options.request_timeout / 2 : options.request_timeout;
    self->request(broker, timeout, actors::commit_offset{{options.group, number_of(queue)}, point.position})
        .then(
            [this, queue, point, is_ours, rounds](const actors::offset_committed&) {
                if (auto* committed = progress_of(queue, point.generation)) {
                    committed->committed = point.position;
                    committed->given_up.erase(committed->given_up.begin(), committed->given_up.lower_bound(point.position));
                    if (is_ours)
                        committed->adopted.reset();
                } else {
                    commit_again(queue);
                }
                for (const auto& round : rounds)
                    ++round->count;
                commit_next(queue, point, {});
                commit_ended(rounds, {});
            },
            [this, queue, point, rounds](const caf::error& problem) {
                const auto failure = actors::to_error(problem);
                counters->commits_failed.fetch_add(1, std::memory_order_relaxed);
                if (hints_at_lost_broker(failure.code))
                    broker_lost(queue.broker_name);
                if (progress_of(queue, point.generation) == nullptr)
                    commit_again(queue); // what timed out may still arrive
                commit_next(queue, point, failure);
                commit_ended(rounds, failure);
            });
}

/// Its broker has answered, or has not in time: what came meanwhile is next. It goes out before an unlock that may follow the answer.
void reader_state::commit_next(const message_queue& queue, const commit_point& before, const error& outcome) {
    auto was = std::move(commits.extract(queue).mapped());
    const bool is_said = outcome.code == errc::none && was.last && was.last->position == before.position;
    // So late that the queue's next owner may have committed more.
    const bool is_late = outcome.code == errc::timed_out && !queues.contains(queue);
    if (is_said || is_late)
        was.last.reset();
    if (const auto point = was.again ? position_to_commit(queue, was) : std::nullopt) {
        const auto broker = broker_of(queue);
        send_commit(queue, broker ? broker : was.broker, *point, was.waiting);
        commits.at(queue).locating = was.locating;
        return;
    }
    commit_ended(was.waiting, outcome); // all that they wait for is what was under way
    if (auto* asking = was.locating ? current(queue, *was.locating) : nullptr)
        locate(queue, *asking);
}

std::optional<commit_point> reader_state::position_to_commit(const message_queue& queue, const open_commit& before) const {
    const auto left = leaving.find(queue);
    const auto at = queues.find(queue);
    const auto* progress = left != leaving.end() ? &left->second.progress : at != queues.end() ? &at->second : nullptr;
    if (progress == nullptr || !progress->located)
        return before.last;
    if (!progress->wants_commit() || !may_commit(queue, *progress))
        return std::nullopt;
    return commit_point{progress->generation, progress->tracker.position()};
}

void reader_state::commit_ended(const std::vector<std::shared_ptr<commit_round>>& rounds, const error& failure) {
    for (const auto& round : rounds) {
        if (failure.code != errc::none)
            round->failure = failure;
        if (--round->left == 0 && round->done)
            round->done(*round);
    }
}

} // namespace troupe::client
