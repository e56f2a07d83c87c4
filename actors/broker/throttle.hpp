#pragma once

#include "actors/base/admission.hpp"
#include "actors/broker/delivery_quotas.hpp"
#include "actors/broker/throttled_pulls.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Pulls and pops of groups that have had their share: which wait, until when, and when somebody has to look at them.
///
/// Threads  not synchronised; its admission and shares are. Time is an argument.
/// Bounded  by the admission of held pulls: what waits has a unit of it, and gives it back when it leaves.
/// Always   what is held leaves exactly once: when its group has a share again or its deadline has come, with its connection, or with all.
class throttle {
public:
    throttle(std::shared_ptr<admission> holds, std::shared_ptr<const delivery_quotas> shares)
        : holds_{std::move(holds)}, shares_{std::move(shares)} {}

    /// Fails with busy when too many are held.
    result<void> hold(throttled_pull pull, clock_time now);
    result<void> hold(throttled_pop pop, clock_time now);

    template <class Held>
    struct released {
        Held held;
        std::optional<std::chrono::milliseconds> left; ///< until its deadline: it goes on. Nothing: that has come, and it finds nothing.
    };
    /// Those that need not wait any longer. Where others of the group were faster, one waits on.
    [[nodiscard]] std::vector<released<throttled_pull>> take_due_pulls(clock_time now);
    [[nodiscard]] std::vector<released<throttled_pop>> take_due_pops(clock_time now);
    [[nodiscard]] std::vector<throttled_pull> take_all_pulls();
    [[nodiscard]] std::vector<throttled_pop> take_all_pops();
    /// Those whose connection has ended; `tickets` are sorted.
    void drop_pulls(const ticket_holder_actor& holder, const std::vector<std::uint64_t>& tickets);
    void drop_pops(const pop_holder_actor& holder, const std::vector<std::uint64_t>& tickets);

    struct alarm {
        clock_time due;
        std::uint64_t number = 0;
    };
    /// The timer to set now, for what is due first. Nothing: none is needed, or one that rings before is running.
    [[nodiscard]] std::optional<alarm> set_alarm();
    /// A timer has rung. False: another was set after it, and it means nothing.
    [[nodiscard]] bool ring(std::uint64_t number);

private:
    template <class Held>
    result<void> hold_in(throttled<Held>& all, Held one, clock_time now);
    template <class Held>
    std::vector<released<Held>> take_due_of(throttled<Held>& all, clock_time now);
    template <class Held>
    std::vector<Held> take_all_of(throttled<Held>& all);
    [[nodiscard]] clock_time due_of(const std::string& group, clock_time deadline, clock_time now) const;

    std::shared_ptr<admission> holds_;
    std::shared_ptr<const delivery_quotas> shares_;
    throttled_pulls pulls_;
    throttled_pops pops_;
    std::optional<clock_time> rings_at_; ///< the timer that is running
    std::uint64_t alarms_ = 0;
};

} // namespace troupe::actors
