#pragma once

#include "actors/broker/token_bucket.hpp"
#include "actors/log/pull_hold.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe::actors {

/// What may be sent to a topic in a second; 0: without limit. In bytes, records count as they are stored.
struct send_rates {
    std::int64_t messages = 0;
    std::int64_t bytes = 0;
    friend bool operator==(const send_rates&, const send_rates&) = default;
};

/// What the attributes of a topic say.
[[nodiscard]] send_rates send_rates_of(const topic_config& topic);

/// Limits on what is sent to topics. A send beyond one is refused with busy, which RocketMQ's clients know as SYSTEM_BUSY and, from 5.x
/// on, repeat; nothing that was taken is lost or late.
///
/// Threads  safe from any thread. Topics without limits cost one look at an atomic if there are no limits at all, else a look-up.
/// Bounded  by the number of topics.
class send_quotas {
public:
    /// Of one topic from now on. What was sent before counts.
    void set(const std::string& topic, const send_rates& rates);
    void forget(std::string_view topic) { set(std::string{topic}, {}); }
    /// How long until something may be sent; 0: now. For who can wait, before there is any work.
    [[nodiscard]] std::chrono::nanoseconds wait(std::string_view topic, clock_time now) const;
    /// These messages are about to be stored: counts them, or fails with busy.
    result<void> admit(std::string_view topic, std::int64_t messages, std::int64_t bytes, clock_time now);
    /// They are about to be stored, whatever the limit: whoever sends next waits for it.
    void charge(std::string_view topic, std::int64_t messages, std::int64_t bytes, clock_time now);

private:
    struct buckets {
        token_bucket messages;
        token_bucket bytes;
    };
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    mutable std::mutex mutex_;
    std::unordered_map<std::string, buckets, hash, std::equal_to<>> topics_; ///< those with limits
    std::atomic<bool> any_{false};
};

} // namespace troupe::actors
