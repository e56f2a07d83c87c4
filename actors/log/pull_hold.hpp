#pragma once

#include "actors/messages/internal_roles.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace troupe::actors {

/// Moments of CAF's actor clock, which tests move.
using clock_time = std::chrono::steady_clock::time_point;

/// A pull that waits for records.
struct held_pull {
    pull_from_queue pull; ///< `pull.from` moves on when a wake found only records that the filter refuses
    queue_offset asked;   ///< `pull.from` as the consumer sent it
    clock_time deadline;
    queue_offset min; ///< bounds when it was last looked at
    queue_offset max;
};

/// The pulls that one queue holds: a timer wheel with only the slots that are in use, so that an empty one costs nothing
/// and one timer, for the earliest slot, serves them all.
///
/// Threads  not synchronised. Time is an argument.
/// Always   a pull added leaves exactly once, by one of the take functions; never before its slot, and at most one slot
///          after its deadline if take_due is called at next_due().
class pull_hold {
public:
    explicit pull_hold(std::chrono::milliseconds slot = std::chrono::milliseconds{20}) : slot_{slot} {}

    void add(held_pull pull);
    /// Those whose deadline has passed.
    [[nodiscard]] std::vector<held_pull> take_due(clock_time now);
    /// Those that wait for an offset below `max`: there is something for them to read.
    [[nodiscard]] std::vector<held_pull> take_below(queue_offset max);
    /// Those of `holder` whose ticket is in `tickets`, which is sorted.
    [[nodiscard]] std::vector<held_pull> take(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets);
    [[nodiscard]] std::vector<held_pull> take_all();

    /// When take_due has something next.
    [[nodiscard]] std::optional<clock_time> next_due() const;
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

private:
    template <class Predicate>
    std::vector<held_pull> take_if(Predicate wanted);

    std::chrono::milliseconds slot_;
    std::map<std::int64_t, std::vector<held_pull>> slots_; ///< by number of the slot's end
    std::size_t size_ = 0;
};

} // namespace troupe::actors
