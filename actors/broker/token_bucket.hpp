#pragma once

#include "actors/log/pull_hold.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace troupe::actors {

/// A rate with a second's worth of patience: what was not used of it is saved up, for a second; whoever takes when there is something left
/// gets all it wants, and the next one waits until that is paid back. So a large request never starves, and over time the rate holds
/// exactly.
///
/// Threads  not synchronised. Time is an argument, and does not go back.
class token_bucket {
public:
    static constexpr std::chrono::nanoseconds saved_max = std::chrono::seconds{1};

    /// 0 or less: without limit.
    explicit token_bucket(std::int64_t per_second = 0) : per_second_{std::max<std::int64_t>(per_second, 0)} {}

    [[nodiscard]] std::int64_t per_second() const { return per_second_; }
    /// What was taken stays taken, in time: a debt of a second stays one.
    void set_rate(std::int64_t per_second) { per_second_ = std::max<std::int64_t>(per_second, 0); }

    /// How long until something may be taken; 0: now.
    [[nodiscard]] std::chrono::nanoseconds wait(clock_time now) const {
        if (per_second_ == 0)
            return {};
        return std::max<std::chrono::nanoseconds>(paid_at_ - now - saved_max, std::chrono::nanoseconds{0});
    }
    /// Takes, whether or not one should have waited.
    void charge(std::int64_t amount, clock_time now) {
        if (per_second_ == 0 || amount <= 0)
            return;
        // Beyond an hour of debt nothing is added: no sum overflows, and a wrong setting does not outlast its correction by much.
        constexpr std::chrono::nanoseconds debt_max = std::chrono::hours{1};
        const auto seconds = static_cast<double>(amount) / static_cast<double>(per_second_);
        const auto cost = seconds >= 3'600 ? debt_max : std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
        paid_at_ = std::min(std::max(paid_at_, now) + cost, now + debt_max);
    }

private:
    std::int64_t per_second_;
    clock_time paid_at_{}; ///< when everything that was taken is paid back, and a second's worth is saved up
};

} // namespace troupe::actors
