#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/schedule/timer_book.hpp"

#include <caf/actor_clock.hpp>
#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace troupe::actors {

/// A producer takes a timed message back (code 370).
struct recall_message {
    std::string topic;
    std::string handle; ///< as the answer to the send had it
    std::string producer_group;
    template <class Inspector>
    friend auto inspect(Inspector& f, recall_message& x) {
        return f(x.topic, x.handle, x.producer_group);
    }
};
struct message_recalled {
    std::string unique_key;
    std::string region; ///< of the broker
    template <class Inspector>
    friend auto inspect(Inspector& f, message_recalled& x) {
        return f(x.unique_key, x.region);
    }
};

/// Pending timers, for people: those from `from` on, in the order in which they are due, for `topic` if that is not empty.
struct list_timers {
    std::string topic;
    storage::timer_key from;
    std::int32_t timers_max = 100;
    /// From then on nobody waits for the answer: a list that has not begun does not begin. Set by the session.
    caf::actor_clock::time_point given_up = caf::actor_clock::time_point::max();
    template <class Inspector>
    friend auto inspect(Inspector& f, list_timers& x) {
        return f(x.topic, x.from, x.timers_max);
    }
};
struct timers_listed {
    payload records;                                 ///< as they wait in the log, one after the other; as many as fit into an answer
    storage::timer_key next = storage::no_timer_key; ///< where to go on: there may be more
    std::uint64_t pending = 0;                       ///< of all topics
    template <class Inspector>
    friend auto inspect(Inspector& f, timers_listed& x) {
        return f(x.next, x.pending);
    }
};

/// One of them.
struct find_timer {
    std::string topic;
    std::string unique_key;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_timer& x) {
        return f(x.topic, x.unique_key);
    }
};
struct timer_found {
    payload record;
    template <class Inspector>
    friend auto inspect(Inspector& f, timer_found&) {
        return f();
    }
};

/// An operator takes one back.
struct cancel_timer {
    std::string topic;
    std::string unique_key;
    template <class Inspector>
    friend auto inspect(Inspector& f, cancel_timer& x) {
        return f(x.topic, x.unique_key);
    }
};
struct timer_cancelled {
    template <class Inspector>
    friend auto inspect(Inspector& f, timer_cancelled&) {
        return f();
    }
};

/// The timers of a broker as other processes see them.
using timers_actor =
    caf::typed_actor<caf::replies_to<recall_message>::with<message_recalled>, caf::replies_to<list_timers>::with<timers_listed>,
                     caf::replies_to<find_timer>::with<timer_found>, caf::replies_to<cancel_timer>::with<timer_cancelled>>;

/// Self-message: something may be to do. Out of date unless `epoch` is the latest.
struct timer_tick {
    std::uint64_t epoch = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, timer_tick& x) {
        return f(x.epoch);
    }
};
using timer_keeper_actor = timers_actor::extend<caf::reacts_to<records_arrived>, caf::reacts_to<records_appended>,
                                                caf::reacts_to<pull_answered>, caf::reacts_to<timer_tick>, caf::reacts_to<finish>>;

struct timer_keeper_options {
    timer_book_options book;
    std::string broker_name;
    std::string region;
    std::chrono::milliseconds horizon = timer_horizon_default;
    bool recall_enabled = true;
    log_writer_actor log_writer;
    std::shared_ptr<admission> append_admission;
    std::shared_ptr<admission> orders; ///< one unit per order of another process; released here when it is answered. Null: unbounded
    std::shared_ptr<broker_metrics> metrics;
    wall_clock now = system_wall_clock;
};

/// Spawns the role that brings timed messages to their topics when they are due.
///
/// In     records_arrived                 of the log writer: new timers and orders to recall some
///        records_appended                of the log writer: a batch, or an order, is in the log; pull_answered never comes
///        recall_message -> message_recalled   fails: not_permitted, topic_not_found, operation_illegal (a handle that names nothing of
///                                        this broker, a topic of the broker's own, or a time that is over), busy, and what the log
///                                        writer fails with
///        list_timers -> timers_listed    fails: argument_illegal, timed_out (nobody waits for it any more), io, disk_full
///        find_timer -> timer_found       fails: topic_illegal, argument_illegal, message_not_found, io, disk_full
///        cancel_timer -> timer_cancelled   fails: topic_illegal, argument_illegal, message_not_found, operation_illegal (it is
///                                        being delivered, or a retry), and as recall_message
///        timer_tick                      to itself
///        finish                          delivers nothing more, saves what it has, ends
/// Out    watch_queue and append_records to the log writer
/// State  a timer_book, and the orders whose answer is due
/// Always 1. No message is delivered early; at rest it is a few milliseconds late, and one sync of the log.
///        2. message_recalled and timer_cancelled mean that it will not be delivered, whatever happens.
///        3. What a crash leaves: docs/states/timer.md.
/// Ends   by finish, and when the log writer ends.
/// Blocks on the disk: runs on its own thread.
timer_keeper_actor spawn_timer_keeper(caf::actor_system& system, timer_keeper_options options, std::unique_ptr<storage::timer_store> store);

} // namespace troupe::actors
