#pragma once

#include "actors/log/pull_hold.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace troupe::actors {

/// Where one is who looks at all names of a map that changes meanwhile, one after the other: some at each tick, and all once in an interval.
/// A look may take longer than a tick, and may fail: the next tick then goes on behind it.
///
/// Use      begin at each tick; when it says so, next and enter in turn, until next finds none or the caller pauses.
/// Threads  not synchronised. Time is an argument.
/// Always   a name that is there all the time is entered once a round.
class name_round {
public:
    /// True: the caller goes on with next, until there is none or it pauses. False: somebody does already, or it is not time for a round.
    [[nodiscard]] bool begin(clock_time now, std::chrono::milliseconds interval) {
        if (is_going_on_)
            return false;
        if (last_.empty()) {
            if (now < next_round_)
                return false;
            next_round_ = now + interval;
        }
        is_going_on_ = true;
        return true;
    }
    /// The entry behind the one that was entered last; the end: the round is over.
    template <class Map>
    [[nodiscard]] typename Map::const_iterator next(const Map& names) {
        const auto entry = names.upper_bound(last_);
        if (entry == names.end()) {
            last_.clear();
            is_going_on_ = false;
        }
        return entry;
    }
    /// This one is looked at. Not empty.
    void enter(const std::string& name) { last_ = name; }
    /// Enough for this tick, or the look has failed.
    void pause() { is_going_on_ = false; }
    /// The next round is due.
    void hasten(clock_time now) { next_round_ = std::min(next_round_, now); }

private:
    std::string last_; ///< empty: no round has begun
    bool is_going_on_ = false;
    clock_time next_round_{};
};

} // namespace troupe::actors
