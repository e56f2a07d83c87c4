#pragma once

#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace troupe::client {

/// How a process reaches a cluster. Everything has a default but `name_servers`.
struct client_options {
    std::string name_servers; ///< "host:port;host:port"
    std::string client_id;    ///< empty: "<ip>@<pid>#<instance>", unique per connection; members of a group need different ones
    std::string instance_name = "DEFAULT";           ///< part of a generated client id; "DEFAULT" adds a number unique in the process
    std::chrono::milliseconds request_timeout{3000}; ///< of a single request that is no send and no pull
    std::chrono::milliseconds route_refresh{30'000}; ///< how old a route may get; errors refresh it at once
    std::chrono::milliseconds heartbeat_interval{30'000};
    bool auto_create_topics = true; ///< send to unknown topics through the template topic, if a broker offers it
    std::size_t threads = 2;        ///< of the connection's own scheduler; not used when embedded
    std::size_t frame_bytes_max = 16u << 20;
};

class connection_core;

/// One client process's link to a cluster: routes, broker connections, heartbeats. Shared by its producers and consumers.
///
/// Memory   copies share one core. Close producers and consumers before the last copy goes; they hold a copy themselves.
/// Threads  safe to use from any thread.
/// Fails    open() only for malformed options (argument_illegal): name servers and brokers may start later, and may come
///          and go. What needs them waits for its own timeout, then fails with no_name_server, no_route or timed_out.
class connection {
public:
    static result<connection> open(client_options options);
    /// For `embedded.hpp`.
    explicit connection(std::shared_ptr<connection_core> core);

    [[nodiscard]] const client_options& options() const;
    [[nodiscard]] const std::string& client_id() const;
    /// For the other classes of this library.
    [[nodiscard]] connection_core& core() const { return *core_; }

    /// Ends heartbeats and broker connections; whoever still uses them fails with shutting_down. Called by the last copy.
    void close();

private:
    std::shared_ptr<connection_core> core_;
};

} // namespace troupe::client
