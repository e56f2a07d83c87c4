#pragma once

#include "actors/broker/token_bucket.hpp"
#include "actors/log/pull_hold.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe::actors {

/// Limits on what is handed to groups in a second. Nothing is refused: pulls of a group that has had its share wait for their turn.
/// What a pull took is known when it is answered, so those that are under way at once may together take more than a second's share; it
/// is paid back before the next one begins.
///
/// Threads  safe from any thread. Without any limit it costs one look at an atomic.
/// Bounded  by the number of groups.
class delivery_quotas {
public:
    /// Messages a second of one group from now on; 0: without limit.
    void set(const std::string& group, std::int64_t messages_per_second);
    void forget(std::string_view group) { set(std::string{group}, 0); }
    /// How long a pull of the group waits for its turn; 0: not at all.
    [[nodiscard]] std::chrono::nanoseconds wait(std::string_view group, clock_time now) const;
    /// At most so many messages in one answer; the largest number without a limit.
    [[nodiscard]] std::int64_t messages_max(std::string_view group) const;
    /// Messages were handed out.
    void charge(std::string_view group, std::int64_t messages, clock_time now);

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    mutable std::mutex mutex_;
    std::unordered_map<std::string, token_bucket, hash, std::equal_to<>> groups_; ///< those with a limit
    std::atomic<bool> any_{false};
};

} // namespace troupe::actors
