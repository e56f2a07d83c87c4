#include "actors/schedule/delay_schedule.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::actors {

delay_schedule::delay_schedule(const std::vector<duration>& delays, const std::vector<queue_offset>& from) {
    assert(delays.size() == from.size());
    for (std::size_t level = 0; level < delays.size(); ++level) {
        level_state state;
        state.delay = delays[level];
        state.next = from[level];
        levels_.push_back(state);
    }
}

std::vector<delay_schedule::look> delay_schedule::take_due(timestamp_ms now) {
    if (now < latest_)
        clock_set_back(now);
    latest_ = now;
    std::vector<look> looks;
    for (std::size_t number = 0; number < levels_.size(); ++number) {
        auto& level = levels_[number];
        if (level.is_busy || now < level.due)
            continue;
        level.is_busy = true;
        level.looked = now;
        const bool is_known_long = level.known_at + level.delay.count() <= now;
        looks.push_back({number, level.next, now + -level.delay.count(), is_known_long ? level.known_below : queue_offset{0}});
    }
    return looks;
}

void delay_schedule::done(std::size_t number, const sighting& seen, timestamp_ms now) {
    auto& level = levels_[number];
    assert(level.is_busy);
    level.is_busy = false;
    level.next = seen.next;
    if (level.known_below <= seen.next) {
        level.known_below = seen.max;
        level.known_at = now; // not when the look began: some may have come since
    }
    if (!seen.stored) {
        level.due = level.looked + level.delay.count();
        return;
    }
    // Only a clock that was set back makes the second the earlier one.
    const auto due = std::min(*seen.stored + level.delay.count(), level.known_at + level.delay.count());
    level.due = due <= level.looked ? now : std::max(due, now + pause.count());
}

void delay_schedule::failed(std::size_t number, queue_offset next, timestamp_ms now) {
    auto& level = levels_[number];
    assert(level.is_busy);
    level.is_busy = false;
    level.next = next;
    level.due = now + pause_after_failure.count();
}

std::optional<timestamp_ms> delay_schedule::next_due() const {
    std::optional<timestamp_ms> earliest;
    for (const auto& level : levels_)
        if (!level.is_busy && (!earliest || level.due < *earliest))
            earliest = level.due;
    return earliest;
}

void delay_schedule::clock_set_back(timestamp_ms now) {
    for (auto& level : levels_) {
        level.known_at = std::min(level.known_at, now);
        level.looked = std::min(level.looked, now);
        level.due = std::min(level.due, now + level.delay.count());
    }
}

void durable_progress::delivered(std::size_t level, queue_offset next, log_position end) {
    auto& state = levels_[level];
    if (state.latest) // what it stands for is part of this, and may be durable later than what came last
        end = std::max(end, state.latest->end);
    (state.first ? state.latest : state.first) = place{next, end};
}

std::vector<std::pair<std::size_t, queue_offset>> durable_progress::take(log_position durable) {
    std::vector<std::pair<std::size_t, queue_offset>> moved;
    for (std::size_t number = 0; number < levels_.size(); ++number) {
        auto& level = levels_[number];
        std::optional<queue_offset> next;
        while (level.first && level.first->end <= durable) {
            next = level.first->next;
            level.first = std::exchange(level.latest, std::nullopt);
        }
        if (next)
            moved.emplace_back(number, *next);
    }
    return moved;
}

bool durable_progress::is_waiting() const {
    return std::any_of(levels_.begin(), levels_.end(), [](const level_state& level) { return level.first.has_value(); });
}

} // namespace troupe::actors
