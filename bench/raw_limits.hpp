#pragma once

#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>

/// What the machine can do at best, measured in the same run as ours, so that ratios mean something.
namespace troupe::bench {

struct raw_rate {
    double operations_per_second = 0;
    double bytes_per_second = 0;
};

/// Groups of `group` records of `record_bytes`, each group one pwritev and one fdatasync, in a preallocated file.
result<raw_rate> raw_group_commits(const std::filesystem::path& directory, std::size_t record_bytes, std::size_t group,
                                   std::chrono::milliseconds measure);

/// Plain sequential write() of `record_bytes` each, no sync.
result<raw_rate> raw_sequential_writes(const std::filesystem::path& directory, std::size_t record_bytes, std::uint64_t total_bytes);

/// read() of all files of `directory` that are named like segments, `piece_bytes` at a time.
result<raw_rate> raw_sequential_reads(const std::filesystem::path& directory, std::size_t piece_bytes);

/// Drops the page cache of those files, so that the next read is cold. Needs no privileges. The system may leave pages that
/// somebody uses: see cached_fraction.
result<void> drop_page_cache(const std::filesystem::path& directory);

/// The part of those files that the page cache holds, 0 to 1.
result<double> cached_fraction(const std::filesystem::path& directory);

/// Round trips of `bytes` over one loopback connection with a blocking echo thread.
result<raw_rate> raw_loopback_round_trips(std::size_t bytes, std::chrono::milliseconds measure);

} // namespace troupe::bench
