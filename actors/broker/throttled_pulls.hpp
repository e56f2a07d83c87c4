#pragma once

#include "actors/log/pull_hold.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/pop_messages.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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
/// The same of a pop.
struct throttled_pop {
    std::string group;
    checked_pop pull;
    clock_time deadline;
};

/// Pulls, or pops, that wait for their group's share, by when they are looked at again. Whoever adds one has acquired one unit of the
/// bound on held pulls, and gives it back for each that leaves.
///
/// Threads  not synchronised. Time is an argument.
/// Always   a pull added leaves exactly once, by one of the take functions.
template <class Held>
class throttled {
public:
    void add(Held pull, clock_time due) { pulls_.emplace(due, std::move(pull)); }
    [[nodiscard]] std::vector<Held> take_due(clock_time now) { return take(pulls_.upper_bound(now)); }
    [[nodiscard]] std::vector<Held> take_all() { return take(pulls_.end()); }
    /// Those of `holder` whose ticket is in `tickets`, which is sorted. How many.
    template <class Holder>
    std::size_t drop(const Holder& holder, const std::vector<std::uint64_t>& tickets) {
        return std::erase_if(pulls_, [&holder, &tickets](const auto& entry) {
            const auto& pull = entry.second.pull;
            return pull.reply_to == holder && std::binary_search(tickets.begin(), tickets.end(), pull.ticket);
        });
    }
    [[nodiscard]] std::optional<clock_time> next_due() const {
        return pulls_.empty() ? std::nullopt : std::optional{pulls_.begin()->first};
    }
    [[nodiscard]] std::size_t size() const { return pulls_.size(); }

private:
    using pull_map = std::multimap<clock_time, Held>;
    std::vector<Held> take(typename pull_map::iterator last) {
        std::vector<Held> taken;
        for (auto entry = pulls_.begin(); entry != last; ++entry)
            taken.push_back(std::move(entry->second));
        pulls_.erase(pulls_.begin(), last);
        return taken;
    }

    pull_map pulls_;
};
using throttled_pulls = throttled<throttled_pull>;
using throttled_pops = throttled<throttled_pop>;

} // namespace troupe::actors
