#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace troupe::actors {

struct queue_options {
    topic_queue queue;
    std::uint64_t instance = 0; ///< repeated in queue_idle
    queue_owner_actor owner;
    log_writer_actor log_writer;
    /// The first reads the end of queues, the others what lies behind: a reader on cold segments does not hold up the tail.
    std::vector<log_reader_actor> log_readers;
    std::shared_ptr<admission> read_admission; ///< one unit per read, released by the log reader
    std::shared_ptr<admission> hold_admission; ///< one unit per pull that is held, or waits for its turn to be read for
    std::shared_ptr<broker_metrics> metrics;
    std::chrono::milliseconds hold_max{30'000};
    std::chrono::milliseconds read_deadline{5'000};
    std::chrono::milliseconds idle{30'000};
    std::size_t reads_max = 4;          ///< under way at once; more wait, and connections take turns
    std::int64_t tail_messages = 4'096; ///< a pull this close to the end is a tail read
};

/// Spawns one queue, while somebody pulls from it.
///
/// In     pull_from_queue    answered once to reply_to with pull_answered: found, no_match, offset_moved at once; while there
///                           is nothing, at arrival of a record that passes the filter, or no_new at the deadline.
///                           fails: busy, timed_out, shutting_down, io, corrupt
///        pull_abandoned     forgets those pulls
///        records_arrived    from the log writer, once the queue has held something. Pulls that need no more than what has
///                           come along are served from it, by their filters; the others read
///        records_read       from a log reader
///        hold_tick          to itself; one timer at a time, for the earliest thing due
///        finish             answers everything, ends; the end of its owner is a finish
/// Out    queue_idle to its owner after options.idle without work, repeated until finish comes
/// State  held pulls and pulls that wait for a read (at most hold_admission over all queues), reads under way (at most reads_max,
///        and read_admission over all queues)
/// Always 1. A held pull is looked at whenever the queue's end passes its offset; nothing polls.
///        2. However it ends, its pulls are answered and what they took of hold_admission is released.
queue_actor spawn_queue(caf::actor_system& system, queue_options options);

} // namespace troupe::actors
