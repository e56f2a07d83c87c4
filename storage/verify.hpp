#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/file_system.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace troupe::storage {

/// What one segment holds.
struct verified_segment {
    std::filesystem::path file;
    log_position base;
    std::uint64_t file_bytes = 0;
    std::uint64_t records = 0;
    timestamp_ms first_stored; ///< 0: no record
    timestamp_ms last_stored;
};

/// What an offline look at a store found.
struct store_verification {
    log_position log_min;
    log_position log_end;
    std::uint64_t records = 0;
    std::uint64_t batches = 0;
    std::uint64_t queues = 0;
    std::vector<verified_segment> segments;
    /// One sentence per damaged range, with file and log position; at most `problems_max` of them are kept.
    std::vector<std::string> problems;
    std::uint64_t problem_count = 0;
    /// Empty, or what a restart will cut off the end: normal after a crash, so no problem.
    std::string torn_tail;

    [[nodiscard]] bool is_sound() const { return problem_count == 0; }
};

inline constexpr std::size_t problems_max = 1000;

/// Reads every byte of the commit log under `store` and checks it; changes nothing. Checks the checksum of every record
/// and batch header, and that offsets rise within each queue. The index is derived from the log and not looked at.
///
/// Fails with locked while a broker runs on the store, with not_found if there is no store, and with format_unknown,
/// corrupt or io where the log cannot be walked at all.
result<store_verification> verify_store(file_system& files, const std::filesystem::path& store);

} // namespace troupe::storage
