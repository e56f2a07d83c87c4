#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/result.hpp"
#include "testing/process_node.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <sys/types.h>

namespace troupe::bench {

struct node_settings {
    std::filesystem::path program;   ///< the troupe binary; empty: the one that is running
    std::filesystem::path directory; ///< holds the store, the configuration and the node's log
    bool flush_sync = true;
};

/// A standalone node as a process of its own, on free loopback ports; killed when destroyed. What it stores stays.
class node_under_test {
public:
    /// Starts the process and waits until it answers a request.
    static result<node_under_test> start(const node_settings& settings);

    [[nodiscard]] pid_t process() const { return node_->process(); }
    [[nodiscard]] const protocol::host_address& broker() const { return broker_; }
    [[nodiscard]] std::string name_server_address() const { return node_->name_server_address(); }
    [[nodiscard]] std::string broker_address() const { return node_->broker_address(); }
    [[nodiscard]] const std::string& broker_name() const { return node_->options().broker_name; }
    [[nodiscard]] std::filesystem::path commit_log_directory() const { return node_->store_directory() / "commitlog"; }
    /// From fork to the first answered request.
    [[nodiscard]] std::chrono::nanoseconds time_to_ready() const { return time_to_ready_; }

    /// SIGKILL, and waits for the end.
    void kill() { node_->kill(); }
    /// SIGTERM, and waits up to 10 s; fails with timed_out (and kills).
    result<void> stop();

    /// Creates a topic, or finds it there.
    [[nodiscard]] result<void> create_topic(const std::string& topic, std::int32_t queues) const;

private:
    explicit node_under_test(const testing::process_node_options& options) : node_{std::make_unique<testing::process_node>(options)} {}

    std::unique_ptr<testing::process_node> node_;
    protocol::host_address broker_;
    std::chrono::nanoseconds time_to_ready_{};
};

} // namespace troupe::bench
