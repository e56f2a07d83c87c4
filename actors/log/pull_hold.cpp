#include "actors/log/pull_hold.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

std::int64_t milliseconds_of(clock_time time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

} // namespace

void pull_hold::add(held_pull pull) {
    // Rounded up: a slot is due when all of its deadlines have passed.
    const auto slot = milliseconds_of(pull.deadline) / slot_.count() + 1;
    slots_[slot].push_back(std::move(pull));
    ++size_;
}

std::vector<held_pull> pull_hold::take_due(clock_time now) {
    std::vector<held_pull> due;
    while (!slots_.empty() && slots_.begin()->first * slot_.count() <= milliseconds_of(now)) {
        auto& pulls = slots_.begin()->second;
        due.insert(due.end(), std::make_move_iterator(pulls.begin()), std::make_move_iterator(pulls.end()));
        slots_.erase(slots_.begin());
    }
    size_ -= due.size();
    return due;
}

template <class Predicate>
std::vector<held_pull> pull_hold::take_if(Predicate wanted) {
    std::vector<held_pull> taken;
    for (auto slot = slots_.begin(); slot != slots_.end();) {
        auto& pulls = slot->second;
        const auto rest = std::stable_partition(pulls.begin(), pulls.end(), [&wanted](const held_pull& one) { return !wanted(one); });
        taken.insert(taken.end(), std::make_move_iterator(rest), std::make_move_iterator(pulls.end()));
        pulls.erase(rest, pulls.end());
        slot = pulls.empty() ? slots_.erase(slot) : std::next(slot);
    }
    size_ -= taken.size();
    return taken;
}

std::vector<held_pull> pull_hold::take_below(queue_offset max) {
    return take_if([max](const held_pull& one) { return one.pull.from < max; });
}

std::vector<held_pull> pull_hold::take(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets) {
    return take_if([&holder, &tickets](const held_pull& one) {
        return one.pull.reply_to == holder && std::binary_search(tickets.begin(), tickets.end(), one.pull.ticket);
    });
}

std::vector<held_pull> pull_hold::take_all() {
    return take_if([](const held_pull&) { return true; });
}

std::optional<clock_time> pull_hold::next_due() const {
    if (slots_.empty())
        return std::nullopt;
    return clock_time{std::chrono::milliseconds{slots_.begin()->first * slot_.count()}};
}

} // namespace troupe::actors
