#pragma once

#include "client/internal/retry_policy.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace troupe::client {

/// A moment, for questions whose answer must not come too late when the machine has slept: the steady clock stands still meanwhile, and
/// in a virtual machine that was paused every clock but the one that is set from outside.
struct lock_moment {
    time_point steady;
    /// How far the clock that runs on in suspend, and the wall clock, are ahead of the steady one.
    std::array<std::chrono::nanoseconds, 2> ahead{};

    lock_moment(time_point now) : steady{now} {} // NOLINT(google-explicit-constructor): where nobody sleeps, as in tests
    lock_moment(time_point now, std::array<std::chrono::nanoseconds, 2> others) : steady{now}, ahead{others} {}
    /// The same moment as the machine's other clocks see it.
    static lock_moment at(time_point now);

    /// By the clock that has gone furthest since `earlier`.
    [[nodiscard]] std::chrono::nanoseconds since(const lock_moment& earlier) const {
        const auto slept = std::max(ahead[0] - earlier.ahead[0], ahead[1] - earlier.ahead[1]);
        return steady - earlier.steady + std::max(slept, std::chrono::nanoseconds{0});
    }
};

/// For how long a member believes that its broker has locked a queue for it. Shared by the member and the threads that run its handler.
///
/// Threads  safe to use from any thread.
class lock_belief {
public:
    void begin(const lock_moment& asked, milliseconds span) {
        const std::lock_guard lock{mutex_};
        asked_ = asked;
        span_ = span;
    }
    /// True: there was one.
    bool end() {
        const std::lock_guard lock{mutex_};
        const bool was_believed = asked_.has_value();
        asked_.reset();
        return was_believed;
    }
    [[nodiscard]] bool holds(const lock_moment& now) const {
        const std::lock_guard lock{mutex_};
        return asked_ && now.since(*asked_) < span_;
    }
    /// When the lock that is believed was asked for; none without one.
    [[nodiscard]] std::optional<lock_moment> asked() const {
        const std::lock_guard lock{mutex_};
        return asked_;
    }
    /// By the steady clock, if the machine does not sleep.
    [[nodiscard]] std::optional<time_point> until() const {
        const std::lock_guard lock{mutex_};
        return asked_ ? std::optional{asked_->steady + span_} : std::nullopt;
    }

private:
    mutable std::mutex mutex_;
    std::optional<lock_moment> asked_; ///< when the lock was asked for that is believed
    milliseconds span_{0};
};

} // namespace troupe::client
