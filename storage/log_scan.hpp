#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/batch_header.hpp"
#include "storage/segment.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// Bytes of the log that were once durable and no longer hold what was written.
struct damaged_range {
    std::filesystem::path file;
    log_position position;
    std::uint64_t bytes = 0;
    std::string reason; ///< the first thing wrong at `position`
};
/// "<file>: 123 damaged bytes at log position 456: <reason>".
std::string to_string(const damaged_range& damage);

/// Who is told what a scan finds, in log order. Any member may be empty.
struct log_visitor {
    /// A record that passed its checksum; the bytes are valid during the call. An error ends the scan with that error.
    std::function<result<void>(log_position, std::string_view)> record;
    std::function<void(const batch_header&)> batch;
    std::function<void(const damaged_range&)> damage;
};

/// What a scan found.
struct scan_summary {
    log_position begin;
    log_position end; ///< just past the last item that belongs to the log: the next batch goes here
    std::uint64_t records = 0;
    std::uint64_t batches = 0;
    std::uint64_t damaged_ranges = 0;
    batch_header last_batch;      ///< sequence 0 when none was seen
    log_position durable;         ///< highest durable position known: from the range, or named by a header that was met
    std::string torn_tail;        ///< what stands at `end`, when that is more than untouched zeros; else empty
    std::uint64_t torn_bytes = 0; ///< from `end` to the last byte that is not zero
};

/// What to walk, and what is known already.
struct scan_range {
    log_position from;                                            ///< boundary of a record or header
    log_position durable;                                         ///< everything below was written whole: what is invalid there is damage
    log_position until{std::numeric_limits<std::int64_t>::max()}; ///< stop here, a boundary too
};

/// Walks the log.
///
/// Tells damage from a torn tail by the durable positions in batch headers: an invalid item below a durable position that
/// any later valid header names (or range.durable) is damage; it is reported and skipped up to the next place where a
/// header or record agrees with its own position and checksum. The first invalid item at or above is where the log ends.
/// Fails with io, with the visitor's error, and with format_unknown if a segment at the end holds bytes of something else.
result<scan_summary> scan_log(const segment_list& segments, scan_range range, const log_visitor& visitor);

/// The last valid batch header that begins below `before`, looking back no further than its segment and the one before.
/// The header's sequence is 0 when there is none.
result<batch_header> last_batch_before(const segment_list& segments, log_position before);

} // namespace troupe::storage
