#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace troupe::storage {
class file_system;
} // namespace troupe::storage

namespace troupe::actors {

struct log_reader_options {
    std::shared_ptr<const storage::message_store> store;
    std::shared_ptr<admission> read_admission; ///< one unit per read_queue; released here when it is done
    std::shared_ptr<admission> append_admission;
    std::shared_ptr<broker_metrics> metrics;
    std::shared_ptr<traffic_statistics> traffic = std::make_shared<traffic_statistics>();
    std::shared_ptr<storage::file_system> files = nullptr; ///< to look at the disk; null: describe_store leaves it out
};

/// Spawns one reader of the message store, for everything that may wait for the disk.
///
/// In     read_queue                       answered with records_read to reply_to
///        find_max_offset, find_min_offset, search_offset -> offset_found   fails: io, corrupt
///        describe_queues -> topic_described, describe_progress -> group_described, describe_ages -> ages_described,
///        find_bounds -> bounds_found, measure_lag -> lag_measured                fails: io, corrupt
///        describe_store -> broker_described
///        read_record_at -> record_at_read   fails: message_not_found, io, corrupt
///        read_page -> page_read           of at most 1,024 messages and 1 MiB, from the next offset that is there; fails: io, corrupt
///        locate_offsets -> offsets_located   fails: argument_illegal (an offset outside its queue), io, corrupt
///        trim_topic -> topic_trimmed      one bounded step; fails: io, corrupt
///        finish                           ends after what was sent before it
/// State  none but the store's: any reader can answer anything
/// Always each message is answered once, failures of the store included.
/// Blocks on the disk: runs on its own thread.
log_reader_actor spawn_log_reader(caf::actor_system& system, log_reader_options options);

} // namespace troupe::actors
