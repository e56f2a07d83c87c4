#pragma once

#include "client/internal/retry_policy.hpp"
#include "protocol/member_bodies.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

namespace troupe::client {

/// What a consumer's topics did lately, for tools that ask: rates of the last minute, failures of the last hour.
///
/// Threads  not synchronised. Time is an argument, and does not go back.
/// Size     per topic 66 slots, whatever it does; forget() topics that are left.
class consume_statistics {
public:
    /// A pull found messages after this time.
    void pulled(const std::string& topic, std::size_t messages, std::chrono::nanoseconds took, time_point now);
    void handled(const std::string& topic, std::size_t done, std::size_t failed, std::chrono::nanoseconds spent, time_point now);
    void forget(const std::string& topic) { topics_.erase(topic); }

    /// The current and the five slots of ten seconds before it count, and the time since the topic's first event at most.
    [[nodiscard]] protocol::consume_rates rates_of(const std::string& topic, time_point now) const;

private:
    struct sums {
        std::uint64_t pulls = 0;
        std::uint64_t pulled = 0;
        std::uint64_t done = 0;
        std::uint64_t failed = 0;
        std::chrono::nanoseconds pull_time{0};
        std::chrono::nanoseconds handle_time{0};
        void add(const sums& other);
    };
    /// Sums by time, the oldest first; what is older than `count` slots goes.
    class sliding_sums {
    public:
        sliding_sums(std::chrono::seconds slot, std::int64_t count) : slot_{slot}, count_{count} {}
        void add(const sums& more, time_point now);
        [[nodiscard]] sums total(time_point now) const;
        /// Where what counts begins.
        [[nodiscard]] time_point begin(time_point now) const { return time_point{slot_ * (number_of(now) - count_ + 1)}; }

    private:
        [[nodiscard]] std::int64_t number_of(time_point when) const { return when.time_since_epoch() / slot_; }
        std::chrono::seconds slot_;
        std::int64_t count_;
        std::deque<std::pair<std::int64_t, sums>> slots_; ///< by slot number
    };
    struct topic_sums {
        time_point first;
        sliding_sums minute{std::chrono::seconds{10}, 6};
        sliding_sums hour{std::chrono::seconds{60}, 60};
    };
    void add(const std::string& topic, const sums& more, time_point now);

    std::map<std::string, topic_sums> topics_;
};

} // namespace troupe::client
