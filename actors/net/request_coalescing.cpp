#include "actors/net/request_coalescing.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors::net {

std::chrono::microseconds request_coalescing::rest_after(std::size_t requests, clock::time_point now) {
    requests_ += requests;
    ++rounds_;
    const auto measured = now - period_began_;
    if (measured >= 2 * period) { // nothing came for a while, and what came before that says nothing
        *this = request_coalescing{rest_max_};
        begin_cycle(now);
    } else if (measured >= period) {
        const double seconds = std::chrono::duration<double>(measured).count();
        decide(static_cast<double>(requests_) / seconds, requests_ / rounds_, now);
    }
    if (measured >= period) {
        requests_ = rounds_ = 0;
        period_began_ = now;
    }
    return rest_max_ * step_ / steps;
}

void request_coalescing::decide(double rate, std::size_t per_round, clock::time_point now) {
    if (base_periods_ < base_agreeing)
        return add_to_base(rate);
    if (now - cycle_began_ >= cycle || (step_ == 0 && rate < busy_rate))
        return begin_cycle(now);
    if (rate < base_rate_ * kept_share) {
        low_rate_ = (low_rate_ * low_periods_ + rate) / (low_periods_ + 1);
        if (++low_periods_ == low_agreeing)
            measure_base();
        return;
    }
    low_periods_ = 0;
    low_rate_ = 0;
    if (per_round < enough && step_ < step_max_)
        ++step_;
    else if (per_round > 2 * enough && step_ > 0)
        --step_;
}

void request_coalescing::add_to_base(double rate) {
    base_rate_ = (base_rate_ * base_periods_ + rate) / (base_periods_ + 1);
    if (++base_periods_ < base_agreeing)
        return;
    if (low_rate_ > 0 && low_rate_ < base_rate_ * kept_share && held_step_ > 0)
        step_max_ = std::min(step_max_, held_step_ - 1);
    step_ = base_rate_ < busy_rate ? 0 : std::min(held_step_, step_max_);
    low_periods_ = 0;
    low_rate_ = 0;
}

void request_coalescing::measure_base() {
    held_step_ = std::exchange(step_, 0);
    base_rate_ = 0;
    base_periods_ = 0;
}

void request_coalescing::begin_cycle(clock::time_point now) {
    measure_base();
    step_max_ = steps;
    low_periods_ = 0;
    low_rate_ = 0;
    cycle_began_ = now;
}

} // namespace troupe::actors::net
