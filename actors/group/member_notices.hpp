#pragma once

#include "actors/log/pull_hold.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// When the members of a group are told that others have come or gone. The first change is told at once; what changes within `window` after
/// that is told together at its end, which begins another window. So when n members join within a time t, each is told t / window + 1 times
/// and not n times, and nobody waits longer than a window for the last news.
///
/// Threads  not synchronised. Time is an argument.
/// Always   after a change its group is named at least once: by changed(), or by take_due() at most a window later, unless it is forgotten.
/// Bounds   the groups that changed within the last window.
class member_notices {
public:
    /// Clients share out their queues again with each notice, and ask for the list of all members before: a group that starts needs a few
    /// rounds of that and not one for each member. Far below the 20 s after which clients look by themselves, and not much longer than such
    /// a round takes, so that whoever takes over queues hardly waits.
    static constexpr std::chrono::milliseconds window{100};

    /// True: tell its members now. False: take_due() will name it.
    [[nodiscard]] bool changed(const std::string& group, clock_time now);
    /// Groups whose members are to be told now.
    [[nodiscard]] std::vector<std::string> take_due(clock_time now);
    /// When take_due() is to be called next, at the latest; nothing: no window is open.
    [[nodiscard]] std::optional<clock_time> next_due() const;

private:
    struct window_of_group {
        clock_time ends;
        bool has_news = false;
    };
    std::map<std::string, window_of_group> windows_;
    std::set<std::pair<clock_time, std::string>> ends_; ///< of the same
};

} // namespace troupe::actors
