#pragma once

#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace troupe::testing {

/// A node to start as a process. What is left out is chosen: free loopback ports, directories under `directory`.
struct process_node_options {
    std::filesystem::path program;   ///< the troupe binary; empty: $TROUPE_BINARY, else "troupe" on the PATH
    std::filesystem::path directory; ///< required: configuration, store and log of this node
    bool runs_name_server = false;
    bool runs_broker = false;
    std::uint16_t name_server_port = 0;
    std::uint16_t broker_port = 0;
    bool vip_port = false; ///< also listen two ports below; off, as nobody has chosen that port
    std::string broker_name = "broker-a";
    std::vector<std::string> name_servers; ///< "host:port" each; empty: its own
    bool flush_sync = true;
    std::string more_broker_json; ///< further members of "broker", e.g. "\"client_expiry\": \"5s\""; no store members
    std::string more_store_json;  ///< further members of "broker.store"; the disk ratios, flush and directory are set
    std::chrono::milliseconds ready_limit{30'000};
};

/// How a process ended.
struct process_end {
    int exit_code = -1; ///< -1: by a signal
    int signal = 0;
};

/// A real `troupe node` process: start, kill -9, stop, pause, start again on the same store and ports. Killed when
/// destroyed. Its output is appended to `log_file()`; print_log() shows it when a test fails.
class process_node {
public:
    explicit process_node(process_node_options options);
    process_node(const process_node&) = delete;
    process_node& operator=(const process_node&) = delete;
    ~process_node();

    /// Starts the process and waits until its ports accept connections. Fails with io (the process ended: the text says
    /// how and quotes its last output) or timed_out.
    result<void> start();
    /// As start(), but does not wait.
    result<void> launch();
    void kill();   ///< SIGKILL, and waits for the end
    void pause();  ///< SIGSTOP
    void resume(); ///< SIGCONT
    /// SIGTERM, and waits; fails with timed_out (and kills) after `limit`.
    result<process_end> stop(std::chrono::milliseconds limit = std::chrono::milliseconds{10'000});
    /// Waits for a process that ends by itself (a start that is refused).
    result<process_end> wait(std::chrono::milliseconds limit = std::chrono::milliseconds{10'000});

    [[nodiscard]] bool running();
    [[nodiscard]] pid_t process() const { return process_; }
    [[nodiscard]] std::string name_server_address() const;
    [[nodiscard]] std::string broker_address() const;
    [[nodiscard]] const process_node_options& options() const { return options_; }
    [[nodiscard]] std::filesystem::path store_directory() const { return options_.directory / "store"; }
    [[nodiscard]] std::filesystem::path log_file() const { return options_.directory / "node.log"; }
    [[nodiscard]] std::string log_text() const;
    void print_log() const;

private:
    [[nodiscard]] std::string configuration() const;

    process_node_options options_;
    pid_t process_ = 0;
    process_end end_;
};

} // namespace troupe::testing
