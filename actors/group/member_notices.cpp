#include "actors/group/member_notices.hpp"

namespace troupe::actors {

bool member_notices::changed(const std::string& group, clock_time now) {
    const auto [open, is_new] = windows_.try_emplace(group, window_of_group{now + window, false});
    if (is_new) {
        ends_.emplace(open->second.ends, group);
        return true;
    }
    open->second.has_news = true;
    return false;
}

std::vector<std::string> member_notices::take_due(clock_time now) {
    std::vector<std::string> due;
    while (!ends_.empty() && ends_.begin()->first <= now) {
        const auto open = windows_.find(ends_.begin()->second);
        ends_.erase(ends_.begin());
        if (!open->second.has_news) {
            windows_.erase(open);
            continue;
        }
        due.push_back(open->first);
        open->second = {now + window, false};
        ends_.emplace(open->second.ends, open->first);
    }
    return due;
}

std::optional<clock_time> member_notices::next_due() const {
    return ends_.empty() ? std::nullopt : std::optional{ends_.begin()->first};
}

} // namespace troupe::actors
