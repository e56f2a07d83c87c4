#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::actors {

/// When to look at which delay level, and from where: a message is due when its level's delay has passed since it was stored.
/// The messages of a level wait in the order in which they become due, so that one look ahead is enough for each; and an
/// empty level needs none for a whole delay, because nothing that comes meanwhile is due before.
///
/// Threads  not synchronised.
/// Memory   the same for each level, however many messages wait.
/// Always   1. No message is due early: not before its delay has passed since its store time or, should the clock have been set
///             back since, since it was seen to be there.
///          2. A clock that is set back makes a message late by two delays at most.
///          3. Of each level one look at a time: between take_due() and its done() or failed().
class delay_schedule {
public:
    using duration = std::chrono::milliseconds;

    /// How soon a level is looked at again when its next message is due almost at once: what becomes due meanwhile is delivered
    /// together.
    static constexpr duration pause{20};
    static constexpr duration pause_after_failure{1'000};

    /// One look: messages from `from` on are due that were stored at or before `stored_by`, or whose offset is below `known_below`.
    struct look {
        std::size_t level = 0; ///< from 0
        queue_offset from;
        timestamp_ms stored_by;
        queue_offset known_below;
    };
    /// What is there after everything due was dealt with, or as much of it as one look takes.
    struct sighting {
        queue_offset next;                  ///< everything before it is dealt with
        std::optional<timestamp_ms> stored; ///< of the message at `next`; none: there is none
        queue_offset max;                   ///< end of the queue, as the look saw it
    };

    /// One delay and one offset to begin with per level. Every level is looked at first thing.
    delay_schedule(const std::vector<duration>& delays, const std::vector<queue_offset>& from);

    /// What to look at now.
    [[nodiscard]] std::vector<look> take_due(timestamp_ms now);
    void done(std::size_t level, const sighting& seen, timestamp_ms now);
    /// What is before `next` is dealt with; the rest is looked at again after a pause.
    void failed(std::size_t level, queue_offset next, timestamp_ms now);

    /// When take_due() has something next; none while every level is being looked at.
    [[nodiscard]] std::optional<timestamp_ms> next_due() const;
    [[nodiscard]] std::size_t levels() const { return levels_.size(); }
    [[nodiscard]] queue_offset next(std::size_t level) const { return levels_[level].next; }

private:
    struct level_state {
        duration delay{0};
        queue_offset next;
        timestamp_ms due;
        timestamp_ms looked; ///< when the look under way began
        bool is_busy = false;
        // Messages below this offset were there at this time, whatever their store time says.
        queue_offset known_below;
        timestamp_ms known_at;
    };

    void clock_set_back(timestamp_ms now);

    std::vector<level_state> levels_;
    timestamp_ms latest_; ///< of take_due()
};

/// Which part of the progress may become durable: what was delivered must survive a crash if the progress does.
/// Per level it keeps one place that waits for the disk, and the latest behind it.
///
/// Threads  not synchronised.
class durable_progress {
public:
    explicit durable_progress(std::size_t levels) : levels_(levels) {}

    /// Everything of `level` before `next` is in the log, below `end`.
    void delivered(std::size_t level, queue_offset next, log_position end);
    /// The log is durable below `durable`. Returns how far each level that has moved may be noted.
    [[nodiscard]] std::vector<std::pair<std::size_t, queue_offset>> take(log_position durable);
    [[nodiscard]] bool is_waiting() const;

private:
    struct place {
        queue_offset next;
        log_position end;
    };
    struct level_state {
        std::optional<place> first;
        std::optional<place> latest;
    };
    std::vector<level_state> levels_;
};

} // namespace troupe::actors
