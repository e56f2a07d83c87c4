#pragma once

#include "actors/group/consumer_groups.hpp"
#include "protocol/consumer_bodies.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

struct queue_lock_options {
    std::chrono::milliseconds lifetime{60'000}; ///< of a lock that its holder does not renew; clients renew every 20 s
    /// After this long without a renewal the holder itself takes its lock for lost: clients wait 30 s, and count from the answer,
    /// which they give up waiting for after a second.
    std::chrono::milliseconds holder_belief{31'000};
    std::size_t locks_max = 100'000;
};

/// Which client of a group reads which queue alone, for consumers that need the order of a queue.
///
/// Threads  not synchronised. Time is an argument.
/// Always   1. A queue has at most one holder per group.
///          2. A lock ends when its holder unlocks it, or `lifetime` after the last renewal. When the holder's connection has
///             ended, `holder_belief` after that renewal: a client that only lost its connection still consumes that long, so an earlier end
///             would put two of them on one queue. RocketMQ knows no such end and lets the others wait for the whole lifetime.
///          3. At most `locks_max` locks.
/// Lost at a restart, as in RocketMQ: the first client to ask then gets the queue.
/// Source   RocketMQ's RebalanceLockManager; docs/states/queue_lock.md.
class queue_lock_table {
public:
    explicit queue_lock_table(queue_lock_options options) : options_{options} {}

    /// Locks or renews what nobody else of the group holds. Returns the queues among those asked for that the client holds now.
    /// Fails, and changes nothing, with group_illegal, argument_illegal for other names that are empty or too long, busy when
    /// there is no room.
    result<std::vector<protocol::message_queue>> lock(const protocol::queue_lock_request& request, session_number session, clock_time now);
    /// Gives back what the client holds of these queues.
    void unlock(const protocol::queue_lock_request& request);
    /// The connection that the holder last asked on has ended.
    void session_lost(session_number session);
    /// Removes what has ended.
    void expire(clock_time now);

    /// Whether anybody holds a lock of the group: then it reads in order.
    [[nodiscard]] bool reads_in_order(std::string_view group, clock_time now) const;
    /// Locks that have ended and were not removed yet count, too.
    [[nodiscard]] std::size_t size() const { return size_; }
    /// Connections that a lock hangs on.
    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

private:
    struct held_lock {
        std::string client_id;
        session_number session = 0;
        clock_time renewed;
        clock_time ends;
    };
    using group_locks = std::map<protocol::message_queue, held_lock>;
    /// Locks by group.
    using lock_counts = std::map<std::string, std::size_t, std::less<>>;

    void count(session_number session, const std::string& group);
    void discount(session_number session, const std::string& group);

    queue_lock_options options_;
    std::map<std::string, group_locks, std::less<>> groups_;
    std::map<session_number, lock_counts> sessions_; ///< what each holds; nobody's (0) are not counted
    std::size_t size_ = 0;
};

} // namespace troupe::actors
