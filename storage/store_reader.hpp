#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/index_entry.hpp"
#include "storage/message_store.hpp"
#include "storage/store_options.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

class commit_log;
class file_system;
class log_index;
class topic_floors;
struct record_place;
struct queue_tail;

/// What readers find broken: each damaged record is counted and reported once, a damaged index asks for a rebuild.
/// Threads  safe from any thread.
class damage_reporter {
public:
    damage_reporter(std::shared_ptr<file_system> files, const store_options& options) : files_{std::move(files)}, options_{options} {}

    void damaged_record(log_position position, const std::string& what);
    void damaged_index(const error& cause);
    [[nodiscard]] std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }

private:
    static constexpr std::size_t reported_max = 4096; ///< beyond it a record may be reported again

    std::shared_ptr<file_system> files_;
    const store_options& options_;
    std::atomic<std::uint64_t> records_{0};
    std::mutex mutex_;
    std::set<log_position> reported_;
    bool index_reported_ = false;
};

/// The reading half of message_store, see there. Reads nothing at or above `visible`.
/// Threads  safe from any thread.
class store_reader {
public:
    store_reader(const commit_log& log, const log_index& index, const topic_floors& floors, const std::atomic<std::int64_t>& visible,
                 damage_reporter& damage)
        : log_{log}, index_{index}, floors_{floors}, visible_{visible}, damage_{damage} {}

    [[nodiscard]] result<read_records> read(const topic_queue& queue, queue_offset from, const record_filter& filter,
                                            read_limits limits) const;
    [[nodiscard]] result<queue_bounds> bounds(const topic_queue& queue) const;
    [[nodiscard]] result<queue_offset> offset_at_or_after(const topic_queue& queue, timestamp_ms time) const;
    [[nodiscard]] result<queue_offset> offset_at_or_before(const topic_queue& queue, timestamp_ms time) const;
    [[nodiscard]] result<timestamp_ms> stored_at(const topic_queue& queue, queue_offset offset) const;
    [[nodiscard]] result<payload> record_at(log_position position) const;
    /// No more than fit into a frame together.
    [[nodiscard]] result<std::vector<payload>> find_by_key(std::string_view topic, std::string_view key, timestamp_ms begin,
                                                           timestamp_ms end, std::int32_t messages_max,
                                                           std::optional<log_position> below) const;

private:
    struct selection;

    [[nodiscard]] log_position visible() const { return log_position{visible_.load(std::memory_order_acquire)}; }
    [[nodiscard]] result<queue_bounds> bounds_of(queue_tail& tail) const;
    /// The answer to a read of `entries`, which begin at into.next, by what the index says.
    [[nodiscard]] result<void> select(const topic_queue& queue, const std::vector<index_entry>& entries, const record_filter& filter,
                                      read_limits limits, read_records& into) const;
    /// The same for a filter that looks at properties.
    [[nodiscard]] result<void> examine(const topic_queue& queue, const std::vector<index_entry>& entries, const record_filter& filter,
                                       read_limits limits, read_records& into) const;
    [[nodiscard]] result<bool> take_wanted(const topic_queue& queue, const selection& selected, const record_filter& filter,
                                           read_limits limits, std::string& taken, read_records& into) const;
    [[nodiscard]] result<void> fetch(const topic_queue& queue, const selection& selected, read_records& into) const;
    void note_missing(const topic_queue& queue, queue_offset offset, const record_place& place, bool damaged, read_records& into) const;
    [[nodiscard]] bool check_identity(const topic_queue& queue, queue_offset offset, std::string_view record) const;
    template <class Value>
    [[nodiscard]] result<Value> noted(result<Value> outcome) const;

    const commit_log& log_;
    const log_index& index_;
    const topic_floors& floors_;
    const std::atomic<std::int64_t>& visible_;
    damage_reporter& damage_;
};

} // namespace troupe::storage
