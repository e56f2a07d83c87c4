#include "actors/base/lag_book.hpp"

#include <algorithm>

namespace troupe::actors {

std::int64_t lag_book::known_lag::age_ms() const {
    return lag.oldest.value() == 0 ? 0 : std::max<std::int64_t>(measured - lag.oldest, 0);
}

lag_book::change lag_book::note(const std::string& group, const group_lag& lag, bool has_members, timestamp_ms now) {
    auto& one = groups_[group];
    const bool was_slow = one.known.is_slow;
    one.known.lag = lag;
    one.known.measured = now;
    one.has_members = has_members;
    const auto limit = was_slow ? slow_after_.count() / 2 : slow_after_.count();
    one.known.is_slow = slow_after_.count() > 0 && has_members && one.known.age_ms() > limit;
    if (one.known.is_slow == was_slow)
        return change::none;
    if (was_slow) {
        --slow_count_;
        return has_members ? change::caught_up : change::none;
    }
    ++slow_count_;
    return change::became_slow;
}

void lag_book::forget(std::string_view group) {
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return;
    slow_count_ -= known->second.known.is_slow ? 1u : 0u;
    groups_.erase(known);
}

std::optional<lag_book::known_lag> lag_book::find(std::string_view group) const {
    const auto known = groups_.find(group);
    return known == groups_.end() ? std::nullopt : std::optional{known->second.known};
}

std::int64_t lag_book::messages_max() const {
    std::int64_t max = 0;
    for (const auto& each : groups_)
        if (each.second.has_members)
            max = std::max(max, each.second.known.lag.messages);
    return max;
}

std::int64_t lag_book::age_ms_max() const {
    std::int64_t max = 0;
    for (const auto& each : groups_)
        if (each.second.has_members)
            max = std::max(max, each.second.known.age_ms());
    return max;
}

} // namespace troupe::actors
