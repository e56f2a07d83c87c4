#include "client/internal/queue_locks.hpp"

#include <time.h>

#include <algorithm>
#include <utility>

namespace troupe::client {

lock_moment lock_moment::at(time_point now) {
    const auto read = [](clockid_t clock) {
        timespec time{};
        clock_gettime(clock, &time); // fails for no clock that Linux has
        return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
    };
    const auto steady = read(CLOCK_MONOTONIC);
    return {now, {read(CLOCK_BOOTTIME) - steady, read(CLOCK_REALTIME) - steady}};
}

void queue_locks::want(const message_queue& queue, time_point now) {
    if (!locks_.contains(queue))
        locks_.emplace(queue, lock_state{0, now, std::make_shared<lock_belief>()});
}

bool queue_locks::give_up(const message_queue& queue) {
    const auto at = locks_.find(queue);
    if (at == locks_.end())
        return false;
    const bool may_hold = at->second.belief->end() || at->second.asked_by != 0;
    locks_.erase(at);
    return may_hold;
}

void queue_locks::doubt(const std::string& broker_name, time_point now) {
    for (auto& [queue, lock] : locks_)
        if (queue.broker_name == broker_name)
            lock.due = std::min(lock.due, now + options_.retry);
}

std::map<std::string, queue_locks::request> queue_locks::take_due(const lock_moment& now) {
    std::map<std::string, request> due;
    for (const auto& [queue, lock] : locks_)
        if (lock.asked_by == 0 && lock.due <= now.steady && !due.contains(queue.broker_name))
            due.emplace(queue.broker_name, request{++requests_, now, {}});
    // One request for all queues of the broker, so that their renewals stay together.
    for (auto& [queue, lock] : locks_) {
        const auto at = due.find(queue.broker_name);
        if (at == due.end() || lock.asked_by != 0)
            continue;
        lock.asked_by = at->second.number;
        at->second.queues.push_back(queue);
    }
    return due;
}

queue_locks::queue_list queue_locks::answered(const request& asked, queue_list held, const lock_moment& now) {
    std::sort(held.begin(), held.end());
    queue_list lost;
    for (const auto& queue : asked.queues) {
        const auto at = locks_.find(queue);
        if (at == locks_.end() || at->second.asked_by != asked.number)
            continue;
        auto& lock = at->second;
        lock.asked_by = 0;
        if (std::binary_search(held.begin(), held.end(), queue)) {
            lock.belief->begin(asked.asked_at, options_.belief);
            // When the machine slept over the answer, nothing is believed: ask again, or the queue stands still until the renewal.
            lock.due = lock.belief->holds(now) ? now.steady + options_.renewal : now.steady;
            continue;
        }
        lock.due = now.steady + options_.retry;
        if (lock.belief->end())
            lost.push_back(queue);
    }
    return lost;
}

void queue_locks::failed(const request& asked, time_point now) {
    for (const auto& queue : asked.queues)
        if (const auto at = locks_.find(queue); at != locks_.end() && at->second.asked_by == asked.number) {
            at->second.asked_by = 0;
            at->second.due = now + options_.retry;
        }
}

queue_locks::queue_list queue_locks::take_expired(const lock_moment& now) {
    queue_list lost;
    for (auto& [queue, lock] : locks_)
        if (!lock.belief->holds(now) && lock.belief->end())
            lost.push_back(queue);
    return lost;
}

queue_locks::queue_list queue_locks::wanted() const {
    queue_list all;
    for (const auto& [queue, lock] : locks_)
        all.push_back(queue);
    return all;
}

bool queue_locks::holds(const message_queue& queue, const lock_moment& now) const {
    const auto at = locks_.find(queue);
    return at != locks_.end() && at->second.belief->holds(now);
}

std::shared_ptr<const lock_belief> queue_locks::belief_in(const message_queue& queue) const {
    const auto at = locks_.find(queue);
    return at != locks_.end() ? at->second.belief : nullptr;
}

std::optional<time_point> queue_locks::next_due() const {
    std::optional<time_point> next;
    for (const auto& [queue, lock] : locks_) {
        if (lock.asked_by == 0)
            next = std::min(next.value_or(lock.due), lock.due);
        if (const auto until = lock.belief->until())
            next = std::min(next.value_or(*until), *until);
    }
    return next;
}

} // namespace troupe::client
