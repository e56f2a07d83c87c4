#pragma once

#include "protocol/vocabulary/result.hpp"

#include <atomic>
#include <cstddef>
#include <string>

namespace troupe::actors {

/// How many half messages of a broker have no outcome, and how many may. Whoever encodes a half message looks here first and answers
/// busy when there is no room; what is on its way to the log then still comes in, so the bound may be passed by that much.
///
/// Threads  safe from any thread. The log writer keeps `pending`.
struct transaction_room {
    explicit transaction_room(std::size_t most) : pending_max{most} {}

    std::atomic<std::size_t> pending{0};
    const std::size_t pending_max; ///< 0: no transactions at all

    [[nodiscard]] bool is_full() const { return pending.load(std::memory_order_relaxed) >= pending_max; }
    /// Whether one more may begin, or go on: fails with not_permitted where there are no transactions at all, or busy.
    [[nodiscard]] result<void> check() const {
        if (!is_full())
            return {};
        if (pending_max == 0)
            return error{errc::not_permitted, "this broker takes no transactional messages (broker.transaction.pending_max is 0)"};
        return error{errc::busy, std::to_string(pending_max) + " transactions of this broker have no outcome yet, more are not taken; let "
                                                               "their producers decide them, or use `troupe transaction`"};
    }
};

} // namespace troupe::actors
