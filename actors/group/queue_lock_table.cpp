#include "actors/group/queue_lock_table.hpp"

#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace troupe::actors {

namespace {

result<void> check_text(const char* what, const std::string& text, std::size_t bytes_max) {
    if (text.size() > bytes_max)
        return error{errc::argument_illegal, "lock request: " + std::string{what} + " has " + std::to_string(text.size()) +
                                                 " bytes; at most " + std::to_string(bytes_max) + " are allowed"};
    return {};
}

result<void> check_request(const protocol::queue_lock_request& request) {
    if (auto legal = check_group_name(request.group); !legal)
        return legal;
    if (request.client_id.empty())
        return error{errc::argument_illegal, "lock request of group " + request.group + ": the client id is empty"};
    if (auto legal = check_text("the client id", request.client_id, limits::client_id_bytes_max); !legal)
        return legal;
    for (const auto& queue : request.queues) {
        if (auto legal = check_text("a topic name", queue.topic, limits::internal_topic_bytes_max); !legal)
            return legal;
        if (auto legal = check_text("a broker name", queue.broker_name, limits::internal_topic_bytes_max); !legal)
            return legal;
    }
    return {};
}

} // namespace

result<std::vector<protocol::message_queue>> queue_lock_table::lock(const protocol::queue_lock_request& request, session_number session,
                                                                    clock_time now) {
    if (auto legal = check_request(request); !legal)
        return legal.failure();
    if (request.queues.size() > options_.locks_max - size_)
        expire(now);
    const std::set<protocol::message_queue> wanted{request.queues.begin(), request.queues.end()};
    auto group = groups_.find(request.group);
    const auto known = [this, &group](const protocol::message_queue& queue) {
        return group != groups_.end() && group->second.contains(queue);
    };
    const auto added = wanted.size() - static_cast<std::size_t>(std::count_if(wanted.begin(), wanted.end(), known));
    if (added > options_.locks_max - size_)
        return error{errc::busy, "this broker keeps at most " + std::to_string(options_.locks_max) +
                                     " queue locks; lock fewer queues, or wait until others have ended"};
    if (wanted.empty())
        return std::vector<protocol::message_queue>{};
    if (group == groups_.end())
        group = groups_.emplace(request.group, group_locks{}).first;
    std::vector<protocol::message_queue> held;
    for (const auto& queue : wanted) {
        const auto [place, is_new] = group->second.try_emplace(queue);
        auto& lock = place->second;
        size_ += is_new ? 1u : 0u;
        if (!is_new && lock.client_id != request.client_id && now < lock.ends)
            continue;
        if (is_new || lock.session != session) {
            discount(lock.session, request.group);
            count(session, request.group);
        }
        lock = {request.client_id, session, now, now + options_.lifetime};
        held.push_back(queue);
    }
    return held;
}

void queue_lock_table::count(session_number session, const std::string& group) {
    if (session != 0)
        ++sessions_[session][group];
}

/// A lock of it has ended, or belongs to another connection. Knows nothing of a connection that has ended.
void queue_lock_table::discount(session_number session, const std::string& group) {
    const auto known = sessions_.find(session);
    if (known == sessions_.end())
        return;
    const auto held = known->second.find(group);
    if (held != known->second.end() && --held->second == 0)
        known->second.erase(held);
    if (known->second.empty())
        sessions_.erase(known);
}

void queue_lock_table::unlock(const protocol::queue_lock_request& request) {
    const auto group = groups_.find(request.group);
    if (group == groups_.end())
        return;
    for (const auto& queue : request.queues) {
        const auto lock = group->second.find(queue);
        if (lock == group->second.end() || lock->second.client_id != request.client_id)
            continue;
        discount(lock->second.session, request.group);
        group->second.erase(lock);
        --size_;
    }
    if (group->second.empty())
        groups_.erase(group);
}

bool queue_lock_table::reads_in_order(std::string_view group, clock_time now) const {
    const auto found = groups_.find(group);
    return found != groups_.end() &&
           std::any_of(found->second.begin(), found->second.end(), [now](const auto& entry) { return now < entry.second.ends; });
}

void queue_lock_table::session_lost(session_number session) {
    const auto ended = sessions_.extract(session);
    if (ended.empty())
        return;
    for (const auto& held : ended.mapped()) {
        const auto group = groups_.find(held.first);
        if (group == groups_.end())
            continue;
        for (auto& entry : group->second)
            if (auto& lock = entry.second; lock.session == session)
                lock.ends = std::min(lock.ends, lock.renewed + options_.holder_belief);
    }
}

void queue_lock_table::expire(clock_time now) {
    for (auto group = groups_.begin(); group != groups_.end();) {
        size_ -= std::erase_if(group->second, [this, now, &name = group->first](const auto& entry) {
            if (now < entry.second.ends)
                return false;
            discount(entry.second.session, name);
            return true;
        });
        group = group->second.empty() ? groups_.erase(group) : std::next(group);
    }
}

} // namespace troupe::actors
