#pragma once

#include "actors/log/pull_hold.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace troupe::actors {

/// What decides which records a pull gets: equal means that one read serves both.
inline auto wish_of(const held_pull& one) {
    return std::tie(one.pull.from, one.pull.filter, one.pull.limits.messages_max, one.pull.limits.bytes_max);
}

/// Pulls that one read is to serve.
struct read_turn {
    std::vector<held_pull> pulls; ///< empty: nobody waits
    bool woken = false;           ///< they had been held before
};

/// The pulls of one queue that wait until a log reader has time for them. Connections take turns, so one that asks for very
/// much at once waits for itself.
///
/// Threads  not synchronised. Time is an argument.
/// Always   a pull added leaves exactly once, by one of the take functions.
class read_turns {
public:
    /// `deadline`: when the pull has waited for too long; not before those of the pulls added earlier.
    void add(held_pull pull, bool woken, clock_time deadline);
    /// The next connection's oldest pull, with all others that one read serves, too.
    [[nodiscard]] read_turn take_next();
    [[nodiscard]] std::vector<held_pull> take_due(clock_time now);
    /// Those of `holder` whose ticket is in `tickets`, which is sorted.
    [[nodiscard]] std::vector<held_pull> take(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets);
    [[nodiscard]] std::vector<held_pull> take_all();

    [[nodiscard]] std::optional<clock_time> next_due() const;
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

private:
    struct waiting {
        held_pull pull;
        bool woken = false;
        clock_time deadline;
    };

    template <class Predicate>
    std::vector<held_pull> take_if(Predicate wanted);

    std::map<std::uint64_t, std::deque<waiting>> waiting_; ///< by connection, oldest first; no deque is empty
    std::uint64_t last_ = 0;                               ///< the connection that had its turn last
};

} // namespace troupe::actors
