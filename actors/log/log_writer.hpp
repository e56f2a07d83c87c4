#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/transaction_room.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <memory>

namespace troupe::actors {

struct log_writer_options {
    std::shared_ptr<storage::message_store> store;
    std::shared_ptr<admission> append_admission; ///< of a record: released here when it is written, or refused
    std::shared_ptr<broker_metrics> metrics;
    std::shared_ptr<traffic_statistics> traffic = std::make_shared<traffic_statistics>();
    indexer_actor indexer;                                    ///< nudged every index_nudge_bytes; may be null
    log_flusher_actor flusher;                                ///< flush mode async: nudged every flush_nudge_bytes; may be null
    std::shared_ptr<transaction_room> transactions = nullptr; ///< told how many half messages have no outcome
    wall_clock now = system_wall_clock;
    std::size_t batch_bytes_max = 4u << 20;
    std::size_t index_nudge_bytes = 1u << 20;
    std::size_t flush_nudge_bytes = 8u << 20; ///< so that leaving a segment, which is synced whole, does not take long
    std::size_t fresh_bytes_max = 64u << 10;  ///< what of one queue comes along with records_arrived
    std::size_t fresh_room_bytes = 64u << 20; ///< what of all queues does at once; a queue that is slow then reads for itself
    std::chrono::milliseconds probe_interval{1'000};
    std::chrono::milliseconds retain_interval{10'000};
    std::size_t segments_per_tick_max = 1;      ///< that retention removes before writes go on: each takes the disk a while
    std::chrono::milliseconds retain_pause{20}; ///< then, while there is more to remove
};

/// Spawns the owner of all positions of one log.
///
/// In     append_records                      collected; answered to reply_to with one records_appended per group commit
///        watch_queue, unwatch_queue          records_arrived to the watcher: now, and whenever records become visible, which
///                                            come along up to fresh_bytes_max
///        watch_growth                        queues_grew to the one watcher of all: now, and whenever records become visible
///        drop_topic_index -> topic_index_dropped   fails: io, store_read_only
///        finish                              writes and syncs what is collected, answers it, ends
///        write_tick, probe_tick, retain_tick   to itself; a retain_tick of somebody else: look at once
/// Out    records_arrived, queues_grew to watchers; index_tick to the indexer and sync_tick to the flusher after much was written
/// State  the writer side of the message store (sole caller); at most append_admission bytes not yet written
/// Always 1. A ticket without failure has its records on disk (flush mode sync) or written (async).
///        2. A group commit takes whatever was in the mailbox when it began: its write_tick waits at the mailbox's end.
///        3. Retention holds up writes for segments_per_tick_max files at a time; what is left goes after retain_pause.
///        4. After a failed write or sync each ticket fails with what the store says, at once.
/// Blocks on the disk: runs on its own thread.
log_writer_actor spawn_log_writer(caf::actor_system& system, log_writer_options options);

} // namespace troupe::actors
