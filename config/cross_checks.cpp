#include "config/cross_checks.hpp"

#include "config/delay_levels.hpp"
#include "config/units.hpp"

namespace troupe::config {

namespace {

using contradictions = std::vector<contradiction>;

bool is_wildcard(const std::string& host) {
    return host == "0.0.0.0" || host == "::";
}

void check_addresses(const node_config& config, contradictions& found) {
    const auto& broker = config.broker;
    const auto& name_server = config.name_server;
    if (config.runs_broker && !config.runs_name_server && broker.name_servers.empty()) {
        found.push_back({"broker.name_servers",
                         "is empty, and this process runs no name server; list at least one \"host:port\", or add \"name_server\" to roles",
                         {"roles"}});
    }
    const bool same_host = name_server.host == broker.host || is_wildcard(name_server.host) || is_wildcard(broker.host);
    if (config.runs_broker && config.runs_name_server && same_host && broker.port != 0 && broker.port == name_server.port) {
        found.push_back({"broker.port",
                         "is " + std::to_string(broker.port) + ", as is name_server.port; give each its own",
                         {"roles", "broker.host", "name_server.host", "name_server.port"}});
    }
}

void check_store(const store_config& store, contradictions& found) {
    if (store.checkpoint_bytes > store.segment_bytes) {
        found.push_back({"broker.store.checkpoint_size",
                         "is " + format_size(store.checkpoint_bytes) + ", more than broker.store.segment_size (" +
                             format_size(store.segment_bytes) + "); lower it or raise the other",
                         {"roles", "broker.store.segment_size"}});
    }
    if (store.retention_bytes != 0 && store.retention_bytes < 2 * store.segment_bytes) {
        found.push_back({"broker.store.retention_size",
                         "is " + format_size(store.retention_bytes) + ", less than two segments (broker.store.segment_size is " +
                             format_size(store.segment_bytes) + "); raise it, or write 0B for no limit",
                         {"roles", "broker.store.segment_size"}});
    }
    if (store.disk_full_ratio <= store.disk_clean_ratio) {
        found.push_back({"broker.store.disk_full_ratio",
                         "must be above broker.store.disk_clean_ratio, so that old segments go before sends are refused",
                         {"roles", "broker.store.disk_clean_ratio"}});
    }
}

void check_intervals(const broker_config& broker, contradictions& found) {
    if (broker.heartbeat_interval >= broker.expiry) {
        found.push_back({"broker.heartbeat_interval",
                         "is " + format_duration(broker.heartbeat_interval) + ", not shorter than broker.expiry (" +
                             format_duration(broker.expiry) + "); the broker would leave the routes between two heartbeats",
                         {"roles", "broker.expiry"}});
    }
}

void check_delays(const broker_config& broker, contradictions& found) {
    if (const auto levels = parse_delay_levels(broker.delay_levels); !levels) {
        found.push_back({"broker.delay_levels", levels.failure().text, {"roles"}});
    }
}

} // namespace

std::vector<contradiction> find_contradictions(const node_config& config) {
    contradictions found;
    check_addresses(config, found);
    if (config.runs_broker) {
        check_store(config.broker.store, found);
        check_intervals(config.broker, found);
        check_delays(config.broker, found);
    }
    return found;
}

} // namespace troupe::config
