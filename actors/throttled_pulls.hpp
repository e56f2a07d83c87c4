#pragma once

#include "actors/internal_roles.hpp"
#include "actors/pull_hold.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// A checked pull whose group has had its share.
struct throttled_pull {
    std::string group;
    topic_queue queue;
    pull_from_queue pull;
    clock_time deadline; ///< answered then, as if there were no messages
};

/// Pulls that wait for their group's share, by when they are looked at again. Whoever adds one has acquired one unit of the bound on
/// held pulls, and gives it back for each that leaves.
///
/// Threads  not synchronised. Time is an argument.
/// Always   a pull added leaves exactly once, by one of the take functions.
class throttled_pulls {
public:
    void add(throttled_pull pull, clock_time due) { pulls_.emplace(due, std::move(pull)); }
    [[nodiscard]] std::vector<throttled_pull> take_due(clock_time now) { return take(pulls_.begin(), pulls_.upper_bound(now)); }
    [[nodiscard]] std::vector<throttled_pull> take_all() { return take(pulls_.begin(), pulls_.end()); }
    /// Those of `holder` whose ticket is in `tickets`, which is sorted. How many.
    std::size_t drop(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets);
    [[nodiscard]] std::optional<clock_time> next_due() const {
        return pulls_.empty() ? std::nullopt : std::optional{pulls_.begin()->first};
    }
    [[nodiscard]] std::size_t size() const { return pulls_.size(); }

private:
    using pull_map = std::multimap<clock_time, throttled_pull>;
    std::vector<throttled_pull> take(pull_map::iterator first, pull_map::iterator last);

    pull_map pulls_;
};

} // namespace troupe::actors
