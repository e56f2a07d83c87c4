#include "client/internal/queue_locks.hpp"

#include <algorithm>
#include <utility>

namespace troupe::client {

void queue_locks::want(const message_queue& queue, time_point now) {
    locks_.try_emplace(queue, lock_state{0, now, std::nullopt});
}

bool queue_locks::give_up(const message_queue& queue) {
    const auto at = locks_.find(queue);
    if (at == locks_.end())
        return false;
    const bool may_hold = at->second.asked_by != 0 || at->second.believed_until;
    locks_.erase(at);
    return may_hold;
}

void queue_locks::doubt(const std::string& broker_name, time_point now) {
    for (auto& [queue, lock] : locks_)
        if (queue.broker_name == broker_name)
            lock.due = std::min(lock.due, now + options_.retry);
}

std::map<std::string, queue_locks::request> queue_locks::take_due(time_point now) {
    std::map<std::string, request> due;
    for (const auto& [queue, lock] : locks_)
        if (lock.asked_by == 0 && lock.due <= now && !due.contains(queue.broker_name))
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

queue_locks::queue_list queue_locks::answered(const request& asked, queue_list held, time_point now) {
    std::sort(held.begin(), held.end());
    queue_list lost;
    for (const auto& queue : asked.queues) {
        const auto at = locks_.find(queue);
        if (at == locks_.end() || at->second.asked_by != asked.number)
            continue;
        auto& lock = at->second;
        lock.asked_by = 0;
        if (std::binary_search(held.begin(), held.end(), queue)) {
            lock.believed_until = asked.asked_at + options_.belief;
            lock.due = now + options_.renewal;
            continue;
        }
        lock.due = now + options_.retry;
        if (std::exchange(lock.believed_until, std::nullopt))
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

queue_locks::queue_list queue_locks::take_expired(time_point now) {
    queue_list lost;
    for (auto& [queue, lock] : locks_)
        if (lock.believed_until && *lock.believed_until <= now) {
            lock.believed_until.reset();
            lost.push_back(queue);
        }
    return lost;
}

queue_locks::queue_list queue_locks::wanted() const {
    queue_list all;
    for (const auto& [queue, lock] : locks_)
        all.push_back(queue);
    return all;
}

bool queue_locks::holds(const message_queue& queue, time_point now) const {
    const auto at = locks_.find(queue);
    return at != locks_.end() && at->second.believed_until && *at->second.believed_until > now;
}

std::optional<time_point> queue_locks::next_due() const {
    std::optional<time_point> next;
    for (const auto& [queue, lock] : locks_) {
        if (lock.asked_by == 0)
            next = std::min(next.value_or(lock.due), lock.due);
        if (lock.believed_until)
            next = std::min(next.value_or(*lock.believed_until), *lock.believed_until);
    }
    return next;
}

} // namespace troupe::client
