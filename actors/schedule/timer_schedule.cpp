#include "actors/schedule/timer_schedule.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace troupe::actors {

namespace {

/// The pause is over; so it is if the clock was set back to before it began.
bool is_over(timestamp_ms paused_at, timestamp_ms now) {
    return now < paused_at || now - paused_at >= timer_schedule::pause_after_failure.count();
}

} // namespace

void timer_schedule::added(const storage::timer_key& key) {
    place_ = std::min(place_, key);
}

std::optional<storage::timer_key> timer_schedule::look(timestamp_ms now) const {
    if (is_under_way() || is_full() || place_.due > now || (paused_at_ && !is_over(*paused_at_, now)))
        return std::nullopt;
    return place_;
}

void timer_schedule::looked(std::vector<storage::timer_changes::removal> batch, const storage::timer_key& next) {
    assert(!is_under_way());
    paused_at_.reset();
    place_ = next;
    under_way_ = std::move(batch);
    for (const auto& timer : under_way_)
        taken_.insert(timer.key);
}

void timer_schedule::delivered(log_position end, queue_offset done) {
    assert(is_under_way());
    undurable_.push_back({{std::exchange(under_way_, {}), done}, end});
}

void timer_schedule::failed(timestamp_ms now) {
    assert(is_under_way());
    for (const auto& timer : under_way_) {
        taken_.erase(timer.key);
        added(timer.key);
    }
    under_way_.clear();
    paused_at_ = now;
}

std::vector<timer_schedule::removal> timer_schedule::take_durable(log_position durable) {
    std::vector<removal> batches;
    for (; !undurable_.empty() && undurable_.front().end <= durable; undurable_.pop_front())
        batches.push_back(std::move(undurable_.front().batch));
    return batches;
}

void timer_schedule::removed(const removal& batch) {
    for (const auto& timer : batch.timers)
        taken_.erase(timer.key);
}

timestamp_ms timer_schedule::wake(timestamp_ms now) const {
    auto when = now + sleep_max.count();
    if (is_waiting_for_durable())
        when = std::min(when, now + durable_interval.count());
    if (is_under_way() || is_full())
        return when;
    auto due = std::max(place_.due, now);
    if (paused_at_ && !is_over(*paused_at_, now))
        due = std::max(due, *paused_at_ + pause_after_failure.count());
    return std::min(when, due);
}

} // namespace troupe::actors
