#pragma once

#include "client/connection.hpp"
#include "protocol/vocabulary/result.hpp"
#include "testing/temporary_directory.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::testing {

struct node_options {
    std::string broker_name = "broker-a";
    bool flush_sync = true;
    bool auto_create_topics = false;
    std::uint64_t segment_bytes = 16u << 20;
    std::vector<std::chrono::milliseconds> delay_levels; ///< empty: the broker's own
    std::chrono::milliseconds transaction_timeout{6'000};
    std::chrono::milliseconds transaction_interval{30'000}; ///< between questions
    std::int32_t transaction_checks_max = 15;
};

/// A name server and a broker inside this process, on free loopback ports and a temporary directory: for tests that need a
/// real broker and no faults of a whole process (for those see process_node).
///
/// Threads   start, stop and restart from one thread; the accessors from anywhere while it runs.
/// Ready     start() returns when the name server knows the broker.
/// Ends      with the object: roles stop in order, then the directory goes. Close clients first, or they retry in vain.
class node {
public:
    explicit node(node_options options = {});
    node(const node&) = delete;
    node& operator=(const node&) = delete;
    ~node();

    /// Fails with what the stores and listeners fail with: io, corrupt, address_in_use.
    result<void> start();
    void stop();

    /// A client that comes over the ports, as from another process.
    [[nodiscard]] result<client::connection> connect(client::client_options options = {}) const;
    /// A client with handles of the roles themselves. End it before the node.
    [[nodiscard]] result<client::connection> connect_embedded(client::client_options options = {}) const;

    [[nodiscard]] std::string name_server_address() const;
    [[nodiscard]] std::string broker_address() const;
    [[nodiscard]] const node_options& options() const { return options_; }
    /// From the next start() on.
    void set_options(node_options options) { options_ = std::move(options); }

private:
    class roles;
    node_options options_;
    temporary_directory directory_{"troupe-node"};
    std::uint16_t name_server_port_ = 0; ///< kept over restarts
    std::uint16_t broker_port_ = 0;
    std::unique_ptr<roles> roles_;
};

} // namespace troupe::testing
