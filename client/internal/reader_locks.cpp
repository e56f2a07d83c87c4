#include "actors/group/queue_locks.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_proxy.hpp"
#include "client/internal/reader_state.hpp"

#include <utility>

namespace troupe::client {

using actors::net::role_of;

bool reader_state::needs_locks() const {
    return options.ordered && options.in_group && options.model == message_model::clustering;
}

bool reader_state::may_read(const message_queue& queue) const {
    if (!options.ordered)
        return true;
    return !leaving.contains(queue) && !draining.contains(queue) && (!needs_locks() || locks.holds(queue, lock_now()));
}

/// Without its lock a queue is somebody else's by now, and so is its offset; but where an operator has sent the group counts whoever has it.
bool reader_state::may_commit(const message_queue& queue, const queue_progress& progress) const {
    return !needs_locks() || progress.adopted.has_value() || locks.holds(queue, lock_now());
}

void reader_state::keep_locks() {
    locks_lost(locks.take_expired(lock_now()));
    for (const auto& [broker_name, wanted] : locks.take_due(lock_now()))
        ask_for_locks(broker_name, wanted);
}

/// They are of one broker; not every topic's route has to name it.
actors::broker_actor reader_state::broker_of_any(const std::vector<message_queue>& queues_of_broker) {
    for (const auto& queue : queues_of_broker)
        if (auto broker = broker_of(queue))
            return broker;
    return {};
}

void reader_state::ask_for_locks(const std::string& broker_name, const queue_locks::request& wanted) {
    const auto broker = role_of<actors::queue_lock_role>(broker_of_any(wanted.queues));
    if (!broker) {
        locks.failed(wanted, now());
        self->send(hub, suspect_route{wanted.queues.front().topic});
        return;
    }
    actors::lock_queues order;
    order.request = {options.group, options.client_id, false, wanted.queues};
    order.session = hub;
    self->request(broker, options.request_timeout, std::move(order))
        .then(
            [this, wanted](const actors::queues_locked& answer) {
                locks_lost(locks.answered(wanted, answer.queues, lock_now()));
                locks_granted(answer.queues);
                work();
            },
            [this, wanted, broker_name](const caf::error& problem) {
                counters->locks_failed.fetch_add(1, std::memory_order_relaxed);
                locks.failed(wanted, now());
                if (hints_at_lost_broker(actors::to_error(problem).code))
                    broker_lost(broker_name);
                arm();
            });
}

void reader_state::locks_lost(const std::vector<message_queue>& lost) {
    for (const auto& queue : lost) {
        counters->locks_lost.fetch_add(1, std::memory_order_relaxed);
        const auto at = queues.find(queue);
        if (at == queues.end())
            continue;
        // Whoever has it now goes on from what is committed, and so do we when it is ours again; unless an operator said otherwise.
        auto& progress = at->second;
        restart(queue, progress, std::nullopt);
        if (progress.adopted)
            progress.start_at(*progress.adopted, false);
    }
}

/// What was committed without the lock may have been followed by a commit of whoever had it.
void reader_state::locks_granted(const std::vector<message_queue>& granted) {
    for (const auto& queue : granted)
        if (const auto at = queues.find(queue); at != queues.end() && at->second.adopted) {
            at->second.committed.reset();
            commit_due = now();
        }
}

void reader_state::note_handlers(const message_queue& queue, const queue_progress& progress) {
    if (options.ordered && progress.handed_out)
        draining[queue] = progress.generation;
}

// ---- giving a queue up ----------------------------------------------------------------------------------------------

void reader_state::leave(const message_queue& queue, queue_progress progress) {
    const bool busy = progress.handed_out;
    if (!leaving.try_emplace(queue, leaving_queue{std::move(progress), broker_of(queue)}).second)
        return; // it had come back, and was not read: the lock goes with what is still left of it
    if (!busy && !draining.contains(queue))
        commit_and_unlock(queue);
}

void reader_state::handlers_left(const delivery_report& report) {
    if (const auto at = draining.find(report.queue); at != draining.end() && at->second == report.generation && report.finished) {
        draining.erase(at);
        if (leaving.contains(report.queue)) // it was given up before it was read anew
            commit_and_unlock(report.queue);
        return;
    }
    const auto at = leaving.find(report.queue);
    if (at == leaving.end() || at->second.progress.generation != report.generation)
        return;
    for (const auto& [offset, bytes] : report.done)
        at->second.progress.tracker.done(offset);
    if (report.finished && std::exchange(at->second.progress.handed_out, false) && !ending)
        commit_and_unlock(report.queue);
}

void reader_state::commit_and_unlock(const message_queue& queue) {
    auto& progress = leaving.at(queue).progress;
    if (!progress.wants_commit() || !may_commit(queue, progress)) {
        unlock(queue);
        return;
    }
    auto round = std::make_shared<commit_round>();
    round->left = 1;
    round->done = [this, queue](const commit_round&) {
        if (!ending)
            unlock(queue);
    };
    commit_one(queue, progress, round);
}

void reader_state::unlock(const message_queue& queue) {
    const auto broker = role_of<actors::queue_lock_role>(broker_of(queue));
    leaving.erase(queue);
    const bool may_hold = locks.give_up(queue);
    if (queues.contains(queue)) // it came back meanwhile
        locks.want(queue, now());
    if (may_hold && broker) // else, and if it fails, the lock ends by itself
        self->request(broker, options.request_timeout, actors::unlock_queues{{options.group, options.client_id, false, {queue}}})
            .then([](const actors::queues_unlocked&) {}, [](const caf::error&) {});
    work();
}

void reader_state::unlock_all(const std::function<void()>& done) {
    std::map<std::string, std::vector<message_queue>> held;
    for (const auto& queue : locks.wanted())
        if (locks.give_up(queue))
            held[queue.broker_name].push_back(queue);
    const auto left = std::make_shared<std::size_t>(1);
    const auto ended = [left, done] {
        if (--*left == 0)
            done();
    };
    for (auto& [broker_name, unlocked] : held)
        if (const auto broker = role_of<actors::queue_lock_role>(broker_of_any(unlocked))) {
            ++*left;
            self->request(broker, options.request_timeout, actors::unlock_queues{{options.group, options.client_id, false, unlocked}})
                .then([ended](const actors::queues_unlocked&) { ended(); }, [ended](const caf::error&) { ended(); });
        }
    ended();
}

} // namespace troupe::client
