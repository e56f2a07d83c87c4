#pragma once

#include "actors/base/metrics.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/messages/internal_roles.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::storage {
class metadata_store;
} // namespace troupe::storage

namespace troupe::actors {

/// 40 % of this machine's memory: RocketMQ takes so much of the log's end for being in memory.
std::int64_t default_young_log_bytes();

struct offset_keeper_options {
    std::shared_ptr<storage::metadata_store> metadata;
    std::shared_ptr<const storage::message_store> store;        ///< for the minimum offset of a queue
    std::vector<std::pair<progress_key, queue_offset>> offsets; ///< all of them, as loaded at start
    std::shared_ptr<broker_metrics> metrics;
    std::chrono::milliseconds interval{500}; ///< noted offsets become durable this often
    std::size_t commits_pending_max = 100'000;
    std::int64_t young_log_bytes = default_young_log_bytes(); ///< a queue is young while its first message is this near the end of the log
    std::vector<std::string> groups = {};                     ///< that have a configuration, as loaded at start
    std::vector<std::pair<std::string, timestamp_ms>> last_seen = {}; ///< likewise
    std::size_t unclaimed_groups_max = limits::unclaimed_groups_max;  ///< with offsets, and without configuration
    std::chrono::milliseconds expiry{0};                              ///< of the offsets of those, without a sign of life; 0: they stay
    wall_clock now = system_wall_clock;
};

/// Spawns the role that knows how far each group has read.
///
/// In     commit_offset -> offset_committed   fails: busy, io, disk_full; lower offsets are accepted, as in RocketMQ.
///                                            busy as well for a group without configuration that would be one too many
///        commit_offsets -> offset_committed  several in one write, only forward if the sender wants that; fails likewise
///        note_offsets -> offsets_noted       commits that nobody waits for, durable within options.interval
///        query_offset -> offset_found        fails: offset_not_found, io
///        list_offsets -> offsets_listed, list_offset_groups -> offset_groups_listed, list_queue_offsets -> queue_offsets_listed
///                                            of a group; which groups have some on a topic; of all groups on a queue
///        delete_topic -> topic_deleted, delete_group -> group_deleted   with their offsets; fails: io, disk_full
///        claim_group, keep_offsets           a group has got a configuration; groups without one have members, or pull
///        offset_tick                         to itself
///        finish                              makes everything durable, answers it, ends
/// State  all offsets in memory; at most commits_pending_max commits not yet durable; which groups have no configuration, and when
///        they were seen (unclaimed_groups.hpp): every minute their offsets go when they have expired,
///        from an hour after the start on
/// Always 1. offset_committed means the offset survives power loss.
///        2. Offsets that only go forward come from pops, whose groups have a configuration or had one: none is refused.
///        3. Commits that wait together are written and synced together (group commit, as in the log writer).
/// Young  a group without an offset starts at 0 on a queue whose first message is still there and near the end of the log, so
///        that it does not skip what came while it started; on an older queue the group's own choice counts. An empty queue is
///        young, as in RocketMQ 4.9 (5.1 and later leave it to the group, which loses what arrives before it has chosen).
/// Source of that rule: RocketMQ's ConsumerManageProcessor, QUERY_CONSUMER_OFFSET.
/// Blocks on the disk: runs on its own thread.
offset_keeper_actor spawn_offset_keeper(caf::actor_system& system, offset_keeper_options options);

} // namespace troupe::actors
