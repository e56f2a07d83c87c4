#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/log/record_reader.hpp"
#include "actors/messages/internal_roles.hpp"
#include "protocol/message_codec.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Where a schedule begins.
struct delay_levels_start {
    std::vector<std::chrono::milliseconds> delays; ///< of each level
    std::vector<queue_offset> next;                ///< of each level: its first message that is not delivered
};
/// From what the offset keeper knows and the log still has. A level that is not configured any more and has messages waiting stays,
/// with the longest delay. Reads the store; fails with io, corrupt.
result<delay_levels_start> find_delay_levels_start(const storage::message_store& store, std::vector<std::chrono::milliseconds> delays,
                                                   const std::vector<std::pair<progress_key, queue_offset>>& offsets);

struct schedule_options {
    delay_levels_start levels;
    std::shared_ptr<const topic_directory> topics;
    std::shared_ptr<admission> append_admission;
    std::shared_ptr<broker_metrics> metrics;
    log_writer_actor log_writer;
    record_reader_actor reader;
    offset_keeper_actor offset_keeper;
    bool durable_when_appended = true; ///< flush mode sync
    protocol::host_address store_host;
    wall_clock now = system_wall_clock;
    std::chrono::milliseconds request_deadline{5'000};
};

/// Self-message of the schedule: something may be due. Out of date unless `epoch` is the latest.
struct schedule_tick {
    std::uint64_t epoch = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, schedule_tick& x) {
        return f(x.epoch);
    }
};
using schedule_actor = caf::typed_actor<caf::reacts_to<records_appended>, caf::reacts_to<pull_answered>, caf::reacts_to<schedule_tick>,
                                        caf::reacts_to<finish>>;

/// Spawns the role that brings delayed messages to their topics when they are due.
///
/// In     records_appended            of the log writer; pull_answered never comes: it pulls nothing
///        schedule_tick               to itself
///        finish                      delivers nothing more, notes what was delivered, ends
/// Out    find_due to the record reader, append_records to the log writer, note_offsets to the offset keeper
/// State  delay_schedule, and at most one batch of messages per level on its way
/// Always 1. No message is delivered early; at rest it is about 20 ms late, or one sync of the log if that takes longer.
///        2. Progress is noted after what it stands for is durable: a crash delivers again what was delivered last, at most
///           the messages of about half a second, and loses none (in flush mode async: those of the last flush interval, and an orderly
///           restart delivers them again too). An append that fails is repeated, later ones of its batch with it.
///        3. A message whose topic is gone is dropped, counted and reported; so is one that retention has taken, and one that is
///           damaged.
/// Ends   by finish, and when the log writer ends.
/// Never blocks: runs on the scheduler.
schedule_actor spawn_schedule(caf::actor_system& system, schedule_options options);

} // namespace troupe::actors
