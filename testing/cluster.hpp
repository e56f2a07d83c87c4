#pragma once

#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace troupe::testing {

struct cluster_options {
    std::size_t name_servers = 1;
    std::size_t brokers = 1;
    process_node_options node; ///< what all nodes share: program, flush mode, further settings
};

/// Name servers and brokers, each a process of its own, on free loopback ports, below one temporary directory. Brokers are
/// called broker-a, broker-b, ...; every broker registers with every name server.
class cluster {
public:
    explicit cluster(cluster_options options);

    /// Starts every node and waits until each accepts connections.
    result<void> start();

    [[nodiscard]] std::size_t name_servers() const { return name_servers_.size(); }
    [[nodiscard]] std::size_t brokers() const { return brokers_.size(); }
    [[nodiscard]] process_node& name_server(std::size_t i) { return *name_servers_.at(i); }
    [[nodiscard]] process_node& broker(std::size_t i) { return *brokers_.at(i); }
    /// "host:port;host:port", as clients take it.
    [[nodiscard]] std::string name_server_addresses() const;
    void print_logs() const;

private:
    temporary_directory directory_{"troupe-cluster"};
    std::vector<std::unique_ptr<process_node>> name_servers_;
    std::vector<std::unique_ptr<process_node>> brokers_;
};

} // namespace troupe::testing
