#pragma once

#include "storage/timer_store.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <vector>

namespace troupe::actors {

/// When to look for due timers, from where, and which of them are being delivered already. The timers themselves are in order in a
/// timer_store; this knows of one place in that order, and of those few that were handed to the log and are still in the store.
///
/// Threads  not synchronised.
/// Memory   one batch on its way to the log, and undurable_max timers behind it; nothing for timers that wait.
/// Always   1. look() asks for nothing that is due after the time given: no timer is early, whatever the clock did before.
///          2. Every timer in the store that is not taken is at or after the place that look() begins at.
///          3. One batch at a time is on its way: between looked() with keys, and its delivered() or failed().
class timer_schedule {
public:
    using duration = std::chrono::milliseconds;

    static constexpr duration pause_after_failure{200};
    /// A clock that is set forward is noticed after this long.
    static constexpr duration sleep_max{1'000};
    /// How often to look whether what was delivered is durable, while something waits for that.
    static constexpr duration durable_interval{50};
    /// Timers that may wait for the log to become durable; beyond, nothing is delivered until some are. In flush mode async that is what
    /// is delivered between two syncs, so it bounds memory and not the rate.
    static constexpr std::size_t undurable_max_default = 1u << 16;

    struct removal {
        std::vector<storage::timer_changes::removal> timers;
        queue_offset done; ///< the place after the note of their delivery
    };

    /// No timer is before `lowest`.
    explicit timer_schedule(storage::timer_key lowest, std::size_t undurable_max = undurable_max_default)
        : place_{lowest}, undurable_max_{undurable_max} {}

    /// A timer is in the store now.
    void added(const storage::timer_key& key);
    /// Timers that were passed over are to be looked at again, from `key` on.
    void look_again(const storage::timer_key& key) { added(key); }

    /// From where to read what is due at `now`; none: nothing is, or it must wait.
    [[nodiscard]] std::optional<storage::timer_key> look(timestamp_ms now) const;
    /// Whether a timer that was read has been handed to the log.
    [[nodiscard]] bool is_taken(const storage::timer_key& key) const { return taken_.contains(key); }
    /// What look() asked for was read: `batch` goes to the log, it may be empty, and `next` is the first timer behind what was read.
    void looked(std::vector<storage::timer_changes::removal> batch, const storage::timer_key& next);

    /// The batch is in the log below `end`, and so is the note of it, before `done`.
    void delivered(log_position end, queue_offset done);
    /// The batch is not in the log. It is looked at again after a pause.
    void failed(timestamp_ms now);
    /// Batches that may leave the store since the log is durable below `durable`. They stay taken until removed().
    [[nodiscard]] std::vector<removal> take_durable(log_position durable);
    void removed(const removal& batch);

    [[nodiscard]] bool is_under_way() const { return !under_way_.empty(); }
    [[nodiscard]] bool is_waiting_for_durable() const { return !undurable_.empty(); }
    /// Where the next timer is, or before it.
    [[nodiscard]] const storage::timer_key& place() const { return place_; }
    /// When look() or take_durable() may have something: at most sleep_max from now.
    [[nodiscard]] timestamp_ms wake(timestamp_ms now) const;

private:
    struct waiting {
        removal batch;
        log_position end;
    };

    [[nodiscard]] bool is_full() const { return taken_.size() >= undurable_max_; }

    storage::timer_key place_;
    std::size_t undurable_max_;
    std::vector<storage::timer_changes::removal> under_way_;
    std::deque<waiting> undurable_;
    std::set<storage::timer_key> taken_; ///< under way, undurable, or about to be removed
    std::optional<timestamp_ms> paused_at_;
};

} // namespace troupe::actors
