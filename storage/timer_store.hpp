#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

class file_system;

/// Names a pending timer, and sorts timers as they are delivered: what is due at the same time, in the order in which it was stored.
struct timer_key {
    timestamp_ms due;
    log_position position; ///< of the timer's record in the log; no two records ever have the same

    friend auto operator<=>(const timer_key&, const timer_key&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, timer_key& x) {
        return f(x.due, x.position);
    }
};
inline constexpr timer_key first_timer_key{timestamp_ms{0}, log_position{0}};
/// After every timer.
inline constexpr timer_key no_timer_key{timestamp_ms{std::numeric_limits<std::int64_t>::max()},
                                        log_position{std::numeric_limits<std::int64_t>::max()}};

struct stored_timer {
    timer_key key;
    std::uint64_t name_hash = 0; ///< finds the timer by its topic and unique key, see timer_name_hash
    std::string record;          ///< whole, as it stands in the log: the log may let go of it before the timer is due
};
/// Of a topic and a unique key. Two may have the same: compare the record.
[[nodiscard]] std::uint64_t timer_name_hash(std::string_view topic, std::string_view unique_key);

/// How far the log's two timer queues have been worked off: next offset of each.
struct timer_progress {
    queue_offset taken; ///< of the timers and recalls
    queue_offset done;  ///< of the notes of what was delivered
    friend bool operator==(const timer_progress&, const timer_progress&) = default;
};

/// What one write changes, all or nothing.
struct timer_changes {
    struct removal {
        timer_key key;
        std::uint64_t name_hash = 0;
    };
    std::vector<stored_timer> add; ///< that are not there
    std::vector<removal> remove;   ///< that are there
    timer_progress after;
    std::vector<timer_key> lost = {}; ///< that are there and cannot be read, so that their names are not known
};

struct timers_read {
    std::vector<stored_timer> timers; ///< in order of their keys
    timer_key next = no_timer_key;    ///< of the first timer after them, due or not; no_timer_key: there is none
    std::vector<timer_key> damaged;   ///< of timers among them whose record cannot be read
};
struct timer_read_limits {
    std::int32_t timers_max = 512;
    std::size_t bytes_max = 1u << 20; ///< at least one timer is returned even if it alone is larger
};

struct timer_store_options {
    std::size_t memory_bytes = 16u << 20; ///< of new timers, three times at most; then they go to the disk
    std::size_t block_cache_bytes = 8u << 20;
};

/// Pending timers of one broker, in the order in which they are due, and how far the log's timer queues are worked off.
///
/// Owns     one RocksDB under `<store>/timers`.
/// Threads  one at a time, normally its actor's. pending() and progress() are of that thread too.
/// Durable  change() is not, until flush(): who opens the store works off the log again from progress(), which always fits the
///          timers that are there. Whatever a crash leaves is a state that the store had.
/// Memory   the same for ten timers and for ten million.
/// Fails    with result<>; never throws. After disk_full and io every call fails until reopen(), which goes back to the last durable
///          state: work off the log again. corrupt names the key whose stored value makes no sense or is damaged; the rest stays usable.
/// Format   docs/formats/timers.md
class timer_store {
public:
    /// Opens or creates. Fails with locked, corrupt, format_unknown (somebody else's directory), io, disk_full.
    static result<std::unique_ptr<timer_store>> open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                     timer_store_options options);
    ~timer_store(); ///< without a flush(): what is not durable yet is taken from the log again
    timer_store(const timer_store&) = delete;
    timer_store& operator=(const timer_store&) = delete;

    result<void> change(const timer_changes& changes);
    /// Timers from `from` on that are due at or before `due_by`.
    [[nodiscard]] result<timers_read> read(const timer_key& from, timestamp_ms due_by, timer_read_limits limits) const;
    /// message_not_found, corrupt.
    [[nodiscard]] result<stored_timer> get(const timer_key& key) const;
    /// Timers whose name may be the one that was hashed; at most `max`, the earliest first. Lost ones may be among them.
    [[nodiscard]] result<std::vector<timer_key>> find(std::uint64_t name_hash, std::size_t max) const;
    /// Makes everything durable. `wait` false: begins to, and is_flushed() tells the end.
    result<void> flush(bool wait);
    /// Whether what was there at the last flush() is durable now. Fails as that would have.
    result<bool> is_flushed();
    /// After a failure: opens the database again. It stays failed if that fails.
    result<void> reopen();

    [[nodiscard]] const timer_progress& progress() const;
    [[nodiscard]] std::uint64_t pending() const;
    /// No timer is before this one.
    [[nodiscard]] timer_key lowest() const;
    /// On disk and in memory, about.
    [[nodiscard]] std::uint64_t bytes() const;

private:
    class implementation;
    explicit timer_store(std::unique_ptr<implementation> made);
    std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::storage
