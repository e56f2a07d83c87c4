#include "apps/node_options.hpp"

#include "config/delay_levels.hpp"

#include <filesystem>
#include <utility>

namespace troupe::apps {

namespace {

static_assert(config::delay_levels_max == actors::delay_levels_max);

storage::store_options store_options_of(const config::store_config& config) {
    storage::store_options options;
    options.directory = config.directory;
    options.flush = config.flush == config::flush_policy::async ? storage::flush_mode::async : storage::flush_mode::sync;
    options.segment_bytes = config.segment_bytes;
    options.checkpoint_bytes = config.checkpoint_bytes;
    options.retention_age = config.retention_age;
    options.retention_bytes = config.retention_bytes;
    options.disk_clean_ratio = config.disk_clean_ratio;
    options.disk_full_ratio = config.disk_full_ratio;
    options.disk_reserve_bytes = config.disk_reserve_bytes;
    options.index_memory_bytes_max = config.index_memory_bytes_max;
    options.block_cache_bytes = config.block_cache_bytes;
    return options;
}

} // namespace

actors::net::listener_options listener_options_of(const config::node_config& config, std::string host, std::uint16_t port) {
    actors::net::listener_options options;
    options.host = std::move(host);
    options.port = port;
    options.connections_max = config.network.connections_max;
    options.idle_timeout = config.network.idle_timeout;
    options.half_frame_timeout = config.network.half_frame_timeout;
    options.unsent_bytes_max = config.network.unsent_bytes_max;
    options.kept_bytes_max = config.network.kept_bytes_max;
    options.rest_max = std::chrono::microseconds{config.network.rest_max_us};
    return options;
}

actors::net::gateway_options gateway_options_of(const config::node_config& config) {
    actors::net::gateway_options options;
    options.requests_per_connection_max = config.network.connection_requests_max;
    options.in_flight_bytes_per_connection_max = config.network.connection_bytes_max;
    options.request_timeout = config.network.request_timeout;
    return options;
}

actors::name_server_options name_server_options_of(const config::node_config& config) {
    actors::name_server_options options;
    options.scan_interval = config.name_server.scan_interval;
    options.kv_config_path = config.name_server.kv_config_path;
    if (options.kv_config_path.empty())
        options.kv_config_path = std::filesystem::path{config.runs_broker ? config.broker.store.directory : ""} / "kvConfig.json";
    return options;
}

actors::broker_options broker_options_of(const config::node_config& config, const protocol::host_address& address) {
    const config::broker_config& broker = config.broker;
    actors::broker_options options;
    options.cluster = broker.cluster;
    options.broker_name = broker.name;
    options.id = broker_id{broker.id};
    options.store_host = address;
    options.store = store_options_of(broker.store);
    options.flush_interval = broker.store.flush_interval;
    options.retain_interval = broker.store.retention_interval;
    options.append_pending_bytes_max = broker.append_pending_bytes_max;
    options.auto_create_topics = broker.auto_create_topics;
    options.auto_create_groups = broker.auto_create_groups;
    options.property_filter = broker.property_filter;
    options.default_topic_queues = broker.topic_queues;
    options.timer_horizon = broker.timer_max_delay;
    options.recall_messages = broker.recall_messages;
    options.trace_topic = broker.trace_topic;
    options.pop_leases_per_queue_max = broker.pop_leases_max;
    options.pop_leases_total_max = broker.pop_leases_total_max;
    if (auto levels = config::parse_delay_levels(broker.delay_levels)) // the configuration has been checked
        options.delay_levels = std::move(*levels);
    options.transactions.timeout = broker.transaction.timeout;
    options.transactions.interval = broker.transaction.check_interval;
    options.transactions.checks_max = broker.transaction.checks_max;
    options.transactions_pending_max = broker.transaction.pending_max;
    options.hold_max = broker.pull.hold_max;
    options.pulls_held_max = broker.pull.held_max;
    options.reads_pending_max = broker.pull.reads_pending_max;
    options.messages_per_pull_max = broker.pull.messages_max;
    options.bytes_per_pull_max = broker.pull.bytes_max;
    options.client_expire = broker.client_expiry;
    options.slow_after = broker.slow_after;
    options.offset_expiry = broker.offset_expiry;
    return options;
}

actors::registrar_options registrar_options_of(const config::node_config& config, std::string address) {
    const config::broker_config& broker = config.broker;
    actors::registrar_options options;
    options.cluster = broker.cluster;
    options.broker_name = broker.name;
    options.id = broker_id{broker.id};
    options.address = std::move(address);
    options.register_interval = broker.register_interval;
    options.heartbeat_interval = broker.heartbeat_interval;
    options.request_timeout = broker.request_timeout;
    options.expire = broker.expiry;
    return options;
}

} // namespace troupe::apps
