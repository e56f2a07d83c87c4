#include "actors/net/request_coalescing.hpp"

namespace troupe::actors::net {

std::chrono::microseconds request_coalescing::rest_after(std::size_t requests, clock::time_point now) {
    requests_ += requests;
    ++rounds_;
    const auto measured = now - period_began_;
    if (measured >= 2 * period) { // nothing came for a while, and what came before that says nothing
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
    if (now - cycle_began_ >= cycle || (step_ == 0 && rate < busy_rate))
        return begin_cycle(now);
    if (base_periods_ < agreeing) {
        base_rate_ = (base_rate_ * base_periods_ + rate) / (base_periods_ + 1);
        if (++base_periods_ < agreeing)
            return;
    }
    low_periods_ = rate < base_rate_ * kept_share ? low_periods_ + 1 : 0;
    if (low_periods_ > 0) {
        if (low_periods_ < agreeing)
            return;
        low_periods_ = 0;
        if (step_ == 0)
            return begin_cycle(now); // less comes, and not because of a rest
        step_max_ = --step_;
    } else if (per_round < enough && step_ < step_max_) {
        ++step_;
    } else if (per_round > 2 * enough && step_ > 0) {
        --step_;
    }
}

void request_coalescing::begin_cycle(clock::time_point now) {
    step_ = 0;
    step_max_ = steps;
    base_rate_ = 0;
    base_periods_ = 0;
    low_periods_ = 0;
    cycle_began_ = now;
}

} // namespace troupe::actors::net
