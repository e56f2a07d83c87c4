#include "testing/cluster.hpp"

namespace troupe::testing {

cluster::cluster(cluster_options options) {
    std::vector<std::string> addresses;
    for (std::size_t i = 0; i < options.name_servers; ++i) {
        auto node = options.node;
        node.directory = directory_.path() / ("name-server-" + std::to_string(i + 1));
        node.runs_name_server = true;
        node.runs_broker = false;
        name_servers_.push_back(std::make_unique<process_node>(std::move(node)));
        addresses.push_back(name_servers_.back()->name_server_address());
    }
    for (std::size_t i = 0; i < options.brokers; ++i) {
        auto node = options.node;
        node.broker_name = std::string{"broker-"} + static_cast<char>('a' + i);
        node.directory = directory_.path() / node.broker_name;
        node.runs_name_server = false;
        node.runs_broker = true;
        node.name_servers = addresses;
        brokers_.push_back(std::make_unique<process_node>(std::move(node)));
    }
}

result<void> cluster::start() {
    for (const auto& each : name_servers_) {
        if (auto started = each->start(); !started) {
            return started;
        }
    }
    for (const auto& each : brokers_) {
        if (auto started = each->start(); !started) {
            return started;
        }
    }
    return {};
}

std::string cluster::name_server_addresses() const {
    std::string all;
    for (const auto& each : name_servers_) {
        all += (all.empty() ? "" : ";") + each->name_server_address();
    }
    return all;
}

void cluster::print_logs() const {
    for (const auto& each : name_servers_) {
        each->print_log();
    }
    for (const auto& each : brokers_) {
        each->print_log();
    }
}

} // namespace troupe::testing
