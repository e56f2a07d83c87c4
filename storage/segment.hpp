#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/file_system.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// One file of the commit log: the positions [base, base + capacity_bytes).
///
/// Threads  reading is safe from any thread; writing, and changing the file, is for the log's writer alone.
/// Memory   shared: a reader that holds a segment can finish after retention has removed its file.
struct segment {
    std::filesystem::path path;
    log_position base;
    std::uint64_t capacity_bytes = 0;
    std::unique_ptr<storage::file> file;
    /// Store time of the first and the last record, 0 when not known. Times of a finished segment do not change.
    std::atomic<std::int64_t> first_stored_ms{0};
    std::atomic<std::int64_t> last_stored_ms{0};

    [[nodiscard]] log_position end() const { return base + static_cast<std::int64_t>(capacity_bytes); }
    [[nodiscard]] bool holds(log_position position) const { return base <= position && position < end(); }
    /// Offset in the file; `position` must be inside.
    [[nodiscard]] std::uint64_t offset_of(log_position position) const { return static_cast<std::uint64_t>(position - base); }
};

/// Sorted by base, without holes.
using segment_list = std::vector<std::shared_ptr<segment>>;

/// The segment that holds `position`; null if none does.
std::shared_ptr<segment> find_segment(const segment_list& segments, log_position position);

/// 20 decimal digits, as RocketMQ names its files.
std::string segment_name(log_position base);
/// nullopt unless `name` is what segment_name() makes.
std::optional<log_position> parse_segment_name(std::string_view name);

/// Opens all segments in `directory`, and refuses what does not belong there, naming the file and the way out:
/// format_unknown for a foreign file, corrupt for a missing segment, or one that is not as long as it must be. Only the
/// last may be short (a crash while it was made): it stands for at least `segment_bytes`.
result<segment_list> open_segments(file_system& files, const std::filesystem::path& directory, std::uint64_t segment_bytes, open_mode mode);

} // namespace troupe::storage
