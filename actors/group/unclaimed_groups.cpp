#include "actors/group/unclaimed_groups.hpp"

#include <algorithm>

namespace troupe::actors {

void unclaimed_groups::start(const std::vector<std::string>& configured, const std::vector<std::pair<std::string, timestamp_ms>>& written,
                             const std::set<std::string>& with_offsets, timestamp_ms now) {
    returning_since_ = checked_ = now;
    claimed_.insert(configured.begin(), configured.end());
    for (const auto& group : with_offsets)
        if (!is_ours(group) && !claimed_.contains(group))
            last_seen_.emplace(group, sign{now});
    for (const auto& [group, noted] : written) {
        if (const auto known = last_seen_.find(group); known != last_seen_.end())
            known->second = {std::min(noted, now), noted}; // later than now: it was rounded up, or the clock was put back
        else
            changes_[group] = std::nullopt;
    }
    for (auto& [group, last] : last_seen_)
        see(group, last, last.seen);
}

void unclaimed_groups::see(const std::string& group, sign& last, timestamp_ms now) {
    last.seen = std::max(last.seen, now);
    if (expiry_.count() <= 0 || last.noted >= last.seen)
        return;
    constexpr std::int64_t parts = 8; // so often in the time of an expiry a group that goes on is written
    last.noted = last.seen + expiry_.count() / parts;
    changes_[group] = last.noted;
}

void unclaimed_groups::claim(const std::string& group) {
    claimed_.insert(group);
    forget(group);
}

void unclaimed_groups::release(const std::string& group, timestamp_ms now) {
    claimed_.erase(group);
    if (!is_ours(group))
        see(group, last_seen_[group], now);
}

void unclaimed_groups::forget(const std::string& group) {
    const auto known = last_seen_.extract(group);
    if (!known.empty() && known.mapped().noted.value() >= 0)
        changes_[group] = std::nullopt;
}

void unclaimed_groups::lose_claim(const std::string& group) {
    claimed_.erase(group);
    forget(group);
}

bool unclaimed_groups::may_commit(std::string_view group) const {
    return last_seen_.size() < groups_max_ || is_ours(group) || claimed_.contains(group) || last_seen_.contains(group);
}

void unclaimed_groups::committed(const std::string& group, timestamp_ms now) {
    if (!is_ours(group) && !claimed_.contains(group))
        see(group, last_seen_[group], now);
}

void unclaimed_groups::seen(std::string_view group, timestamp_ms now) {
    if (const auto known = last_seen_.find(group); known != last_seen_.end())
        see(known->first, known->second, now);
}

bool unclaimed_groups::may_expire(timestamp_ms now) {
    const std::int64_t step = now - std::exchange(checked_, now);
    if (step > step_max.count() || step < -step_max.count())
        returning_since_ = now;
    return expiry_.count() > 0 && now - returning_since_ >= return_time.count();
}

std::vector<std::string> unclaimed_groups::expired(timestamp_ms now) {
    std::vector<std::string> all;
    if (may_expire(now))
        for (const auto& [group, last] : last_seen_)
            if (now - last.seen >= expiry_.count())
                all.push_back(group);
    return all;
}

std::vector<std::string> unclaimed_groups::names() const {
    std::vector<std::string> all;
    for (const auto& entry : last_seen_)
        all.push_back(entry.first);
    return all;
}

} // namespace troupe::actors
