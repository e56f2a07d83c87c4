#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "storage/commit_log.hpp"
#include "storage/file_system.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace troupe::storage {

/// When old messages go. See the fields of the same names in store_options.
struct retention_rules {
    std::chrono::milliseconds age{std::chrono::hours{72}};
    std::uint64_t bytes_max = 0; ///< 0: no limit
    double disk_clean_ratio = 0.85;
    std::size_t segments_max = SIZE_MAX; ///< so many at once: to remove a file takes its time
};

enum class retention_reason : std::uint8_t { none, age, bytes, disk };
std::string_view to_string_view(retention_reason reason);

struct retention_decision {
    log_position keep_from; ///< remove whole segments below; the first segment's base when none goes
    std::size_t segments = 0;
    retention_reason reason = retention_reason::none; ///< of the last one that goes
};

/// Decides which of the oldest segments go: those whose last record is older than the age, those over the total, and
/// while the disk is fuller than the watermark the oldest, counting what is freed. Never the active segment; never one
/// behind a segment that stays, and never more than segments_max. A segment whose times are not known does not go by age.
retention_decision decide_retention(std::span<const segment_summary> segments, disk_space space, const retention_rules& rules,
                                    timestamp_ms now);

} // namespace troupe::storage
