#pragma once

#include "client/internal/lock_belief.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/message.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::client {

/// The locks that an ordered consumer holds on its queues, as far as it may believe, and when to ask brokers for them: a member reads
/// a queue only while its broker has locked the queue for it, so that two members never have one queue.
///
/// Threads  not synchronised. Time is an argument.
/// Always   1. A lock is believed for `belief` from when it was asked for, so that it ends here before it does at the broker, also on a
///          machine that has slept.
///          2. A queue is asked for by one request at a time; what comes late or for a queue that was given up since changes nothing.
/// Source   RocketMQ's ProcessQueue: clients of RocketMQ renew every 20 s and believe for 30 s; brokers keep for 60 s.
class queue_locks {
public:
    struct options {
        milliseconds belief{30'000};
        milliseconds renewal{20'000};
        milliseconds retry{500}; ///< after a refusal or a failure; RocketMQ's clients: 20 s, so long a queue then stands still
    };
    using queue_list = std::vector<message_queue>;
    /// What one broker is to be asked for, by one request.
    struct request {
        std::uint64_t number = 0;
        lock_moment asked_at;
        queue_list queues;
    };

    queue_locks() : queue_locks{options{}} {}
    explicit queue_locks(options all) : options_{all} {}

    /// The consumer has the queue from now on: ask for its lock.
    void want(const message_queue& queue, time_point now);
    /// The consumer is through with the queue. True: it holds the lock, or may get it by what is under way: unlock it.
    bool give_up(const message_queue& queue);
    /// The broker may have forgotten: renew what it has locked without waiting for the time.
    void doubt(const std::string& broker_name, time_point now);

    /// What to ask for now, by broker name; marked as under way.
    std::map<std::string, request> take_due(const lock_moment& now);
    /// The broker answered that `held` are ours. Returns those whose lock was believed and is lost.
    queue_list answered(const request& asked, queue_list held, const lock_moment& now);
    /// It did not answer.
    void failed(const request& asked, time_point now);
    /// Locks whose time is over since the last call: they are lost.
    queue_list take_expired(const lock_moment& now);

    [[nodiscard]] queue_list wanted() const;
    [[nodiscard]] bool holds(const message_queue& queue, const lock_moment& now) const;
    /// For whoever handles messages of the queue; null for one that is not wanted.
    [[nodiscard]] std::shared_ptr<const lock_belief> belief_in(const message_queue& queue) const;
    /// When take_due or take_expired have something next; nullopt: never, as it stands.
    [[nodiscard]] std::optional<time_point> next_due() const;

private:
    struct lock_state {
        std::uint64_t asked_by = 0; ///< number of the request that is under way; 0: none
        time_point due;
        std::shared_ptr<lock_belief> belief;
    };
    options options_;
    std::map<message_queue, lock_state> locks_;
    std::uint64_t requests_ = 0;
};

} // namespace troupe::client
