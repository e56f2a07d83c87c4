#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

namespace troupe::bench {

struct node_settings {
    std::filesystem::path program;   ///< the troupe binary; empty: the one that is running
    std::filesystem::path directory; ///< holds the store, the configuration and the node's log
    bool flush_sync = true;
    std::string scheduler_policy = "sharing";
};

/// A standalone node as a process of its own, on free loopback ports; killed when destroyed. What it stores stays.
class node_under_test {
public:
    /// Writes the configuration, starts the process and waits until it answers a request.
    static result<node_under_test> start(const node_settings& settings);
    node_under_test(node_under_test&& other) noexcept;
    node_under_test& operator=(node_under_test&&) = delete;
    ~node_under_test();

    [[nodiscard]] pid_t process() const { return process_; }
    [[nodiscard]] const protocol::host_address& broker() const { return broker_; }
    [[nodiscard]] std::filesystem::path commit_log_directory() const { return settings_.directory / "store" / "commitlog"; }
    /// From fork to the first answered request.
    [[nodiscard]] std::chrono::nanoseconds time_to_ready() const { return time_to_ready_; }

    /// SIGKILL, and waits for the end.
    void kill();
    /// SIGTERM, and waits up to 10 s; fails with timed_out (and kills).
    result<void> stop();

    /// Creates a topic, or finds it there.
    [[nodiscard]] result<void> create_topic(const std::string& topic, std::int32_t queues) const;

private:
    explicit node_under_test(node_settings settings) : settings_{std::move(settings)} {}

    node_settings settings_;
    pid_t process_ = 0;
    protocol::host_address broker_;
    std::chrono::nanoseconds time_to_ready_{};
};

} // namespace troupe::bench
