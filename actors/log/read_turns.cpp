#include "actors/log/read_turns.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

template <class Predicate>
std::vector<held_pull> read_turns::take_if(Predicate wanted) {
    std::vector<held_pull> taken;
    for (auto place = waiting_.begin(); place != waiting_.end();) {
        std::erase_if(place->second, [&taken, &wanted](waiting& one) {
            if (!wanted(one))
                return false;
            taken.push_back(std::move(one.pull));
            return true;
        });
        place = place->second.empty() ? waiting_.erase(place) : std::next(place);
    }
    return taken;
}

void read_turns::add(held_pull pull, bool woken, clock_time deadline) {
    auto& mine = waiting_[pull.pull.connection];
    mine.push_back({std::move(pull), woken, deadline});
}

read_turn read_turns::take_next() {
    if (waiting_.empty())
        return {};
    auto place = waiting_.upper_bound(last_);
    if (place == waiting_.end())
        place = waiting_.begin();
    last_ = place->first;
    const held_pull first = place->second.front().pull;
    const bool woken = place->second.front().woken;
    return {take_if([&first, woken](const waiting& one) { return one.woken == woken && wish_of(one.pull) == wish_of(first); }), woken};
}

std::vector<held_pull> read_turns::take_due(clock_time now) {
    return take_if([now](const waiting& one) { return one.deadline <= now; });
}

std::vector<held_pull> read_turns::take(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets) {
    return take_if([&](const waiting& one) {
        const auto& pull = one.pull.pull;
        return pull.reply_to == holder && std::binary_search(tickets.begin(), tickets.end(), pull.ticket);
    });
}

std::vector<held_pull> read_turns::take_all() {
    return take_if([](const waiting&) { return true; });
}

std::optional<clock_time> read_turns::next_due() const {
    std::optional<clock_time> next;
    for (const auto& [connection, mine] : waiting_) {
        if (!next || mine.front().deadline < *next)
            next = mine.front().deadline;
    }
    return next;
}

} // namespace troupe::actors
