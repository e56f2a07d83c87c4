#pragma once

#include "client/internal/retry_policy.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace troupe::client {

/// Bounds what callers have given to a producer and what is not answered yet.
///
/// Threads  safe from any thread.
/// Always   at most bytes_max and messages_max, except that one message alone always fits.
class send_window {
public:
    send_window(std::size_t messages_max, std::size_t bytes_max) : messages_max_{messages_max}, bytes_max_{bytes_max} {}

    /// Takes room; waits for it until `deadline`. False: there was none, or the window is closed.
    bool take(std::size_t messages, std::size_t bytes, time_point deadline);
    bool try_take(std::size_t messages, std::size_t bytes);
    /// Gives room back. With `callback`, the caller is told next: callback_ended() must follow.
    void release(std::size_t messages, std::size_t bytes, bool callback = false);
    void callback_ended();
    /// Nobody gets in any more, nobody waits.
    void close();
    /// Until nothing is taken and no callback runs. False: `deadline` came first.
    bool wait_empty(time_point deadline);

    [[nodiscard]] std::size_t messages() const;
    [[nodiscard]] std::size_t bytes() const;

private:
    [[nodiscard]] bool fits(std::size_t messages, std::size_t bytes) const;

    const std::size_t messages_max_;
    const std::size_t bytes_max_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t messages_ = 0;
    std::size_t bytes_ = 0;
    std::size_t callbacks_ = 0; // begun and not ended
    std::size_t waiting_ = 0;
    bool closed_ = false;
};

} // namespace troupe::client
