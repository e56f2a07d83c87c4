#pragma once

#include <chrono>
#include <csignal>

namespace troupe::apps {

/// SIGINT and SIGTERM as something to wait for instead of something that interrupts.
///
/// Make it before any other thread exists: threads inherit the blocked signals, so that only wait() sees them. SIGPIPE is
/// ignored as well: a peer that closes is an error of one write, not the end of the process.
class stop_signal {
public:
    stop_signal();
    stop_signal(const stop_signal&) = delete;
    stop_signal& operator=(const stop_signal&) = delete;

    /// Waits until one arrives; returns its number.
    int wait();
    /// Waits at most `limit`; 0 when none arrived.
    int wait_for(std::chrono::milliseconds limit);

private:
    sigset_t signals_{};
};

} // namespace troupe::apps
