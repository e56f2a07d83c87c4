#pragma once

#include "protocol/message_codec.hpp"
#include "storage/commit_log.hpp"
#include "tests/support/fault_file_system.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test_support {

/// An encoded record without a place.
std::string make_record(std::string_view body, std::string_view topic = "orders", std::int32_t queue = 0);

/// The body of a record.
std::string body_of(std::string_view record);

/// Appends records of one queue with `bodies` and the queue offsets from `first` on, as one batch.
result<std::vector<storage::record_place>> append_bodies(storage::commit_log& log, const std::vector<std::string>& bodies,
                                                         std::int64_t first, std::int64_t now_ms = 1000);

/// A commit log with what a test wants to know of its recovery.
struct opened_log {
    std::unique_ptr<storage::commit_log> log;
    storage::log_recovery recovery;
    std::map<log_position, std::string> bodies; ///< seen by the visitor
    std::vector<storage::damaged_range> damage;
};

inline const std::filesystem::path log_directory = "/store/commitlog";

/// Opens and recovers the log in `log_directory`.
result<opened_log> open_log(std::shared_ptr<storage::file_system> files, std::uint64_t segment_bytes, log_position from = log_position{0},
                            std::filesystem::path directory = log_directory);

/// A new file system in memory with an empty, durable /store.
std::shared_ptr<fault_file_system> make_store_disk(std::uint64_t seed = 1);

} // namespace troupe::test_support
