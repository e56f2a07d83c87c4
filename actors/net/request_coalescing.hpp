#pragma once

#include <chrono>
#include <cstddef>

namespace troupe::actors::net {

/// Decides how long a busy port rests after it has handed its requests on, so that the next round finds several and wakes
/// the log writer, and itself, once for all of them. What network cards do with their interrupts. The requests that count are those
/// that wait for the log, sends and ends of transactions; others gain nothing by a rest.
///
/// A rest costs nothing where requests come anyway (many clients, or clients that are busy themselves), and slows those that
/// wait for an answer before they send again. Which of the two it is only shows in the rate: once in a cycle the port works
/// without rests and measures it, then rests longer step by step, until enough come per round, for as long as the rate stays.
/// When it does not stay, the rest may be to blame, or the clients, or the machine: the port measures without rests again,
/// and rests less for the rest of the cycle only if more come then. docs/decisions/0016 has the figures. One thread; time is an argument.
class request_coalescing {
public:
    using clock = std::chrono::steady_clock;

    /// Never rests longer than `rest_max`; zero: never at all.
    explicit request_coalescing(std::chrono::microseconds rest_max) : rest_max_{rest_max} {}

    /// After a round that took `requests`: how long to rest before the next.
    [[nodiscard]] std::chrono::microseconds rest_after(std::size_t requests, clock::time_point now);

    /// Requests per second below which no wake-up is worth a rest.
    static constexpr double busy_rate = 15'000;
    /// How long a rate is measured.
    static constexpr std::chrono::milliseconds period{50};
    /// Of the rate without rests; with less, rests slow the clients down.
    static constexpr double kept_share = 0.93;
    /// Requests per round with which more rest gains little.
    static constexpr std::size_t enough = 12;
    static constexpr std::chrono::seconds cycle{5};
    /// Periods without rests that make up a measurement, and periods that must be slower before there is a new one:
    /// clients are no clockwork.
    static constexpr int base_agreeing = 2;
    static constexpr int low_agreeing = 3;
    static constexpr int steps = 4;

private:
    void decide(double rate, std::size_t per_round, clock::time_point now);
    void add_to_base(double rate);
    void measure_base();
    void begin_cycle(clock::time_point now);

    std::chrono::microseconds rest_max_;
    int step_ = 0;             ///< of `steps`: how much of rest_max_ it rests
    int held_step_ = 0;        ///< where it was before the rate without rests was measured
    int step_max_ = steps;     ///< beyond it, this cycle has been slower
    double base_rate_ = 0;     ///< without rests
    int base_periods_ = 0;     ///< that base_rate_ is the mean of
    double low_rate_ = 0;      ///< of the low periods, their mean
    int low_periods_ = 0;      ///< in a row
    std::size_t requests_ = 0; ///< in this period, as the next
    std::size_t rounds_ = 0;
    clock::time_point period_began_;
    clock::time_point cycle_began_;
};

} // namespace troupe::actors::net
