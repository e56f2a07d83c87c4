#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// What one process is to do, as plain values. Whoever composes the program turns them into each folder's own options.
/// The meaning, unit, default and range of every value stand once, in `option_table.cpp`; members are not repeated here.
/// A value-initialised node_config is *not* the default configuration: that is `default_config()`.
namespace troupe::config {

enum class flush_policy : std::uint8_t { sync, async };
enum class scheduler_policy : std::uint8_t { sharing, stealing };
enum class log_level : std::uint8_t { trace, debug, info, warning, error };
enum class log_format : std::uint8_t { text, json };

struct name_server_config {
    std::string host;
    std::uint16_t port = 0; ///< 0: any free one
    std::chrono::milliseconds scan_interval{};
    std::string kv_config_path;
};

struct store_config {
    std::string directory;
    flush_policy flush = flush_policy::sync;
    std::chrono::milliseconds flush_interval{};
    std::uint64_t segment_bytes = 0;
    std::uint64_t checkpoint_bytes = 0;
    std::chrono::milliseconds retention_age{};
    std::uint64_t retention_bytes = 0; ///< 0: no limit
    std::chrono::milliseconds retention_interval{};
    double disk_clean_ratio = 0;
    double disk_full_ratio = 0;
    std::uint64_t disk_reserve_bytes = 0;
    std::uint64_t index_memory_bytes_max = 0;
    std::uint64_t block_cache_bytes = 0;
};

struct pull_config {
    std::int32_t messages_max = 0;
    std::uint64_t bytes_max = 0;
    std::chrono::milliseconds hold_max{};
    std::size_t held_max = 0;
    std::size_t reads_pending_max = 0;
};

struct transaction_config {
    std::chrono::milliseconds timeout{};
    std::chrono::milliseconds check_interval{};
    std::int32_t checks_max = 0;
    std::size_t pending_max = 0;
};

struct broker_config {
    std::string cluster;
    std::string name;
    std::int64_t id = 0;
    std::string host;
    std::uint16_t port = 0;                ///< 0: any free one
    bool vip_port = false;                 ///< also listen two ports below
    std::string advertised_address;        ///< "host:port"; empty: host and the port that was bound
    std::vector<std::string> name_servers; ///< "host:port"; empty: the one in this process
    std::chrono::milliseconds register_interval{};
    std::chrono::milliseconds heartbeat_interval{};
    std::chrono::milliseconds expiry{};
    std::chrono::milliseconds client_expiry{};
    std::chrono::milliseconds slow_after{};    ///< 0: no group is slow
    std::chrono::milliseconds offset_expiry{}; ///< 0: offsets of groups that do not exist stay
    std::chrono::milliseconds request_timeout{};
    std::uint64_t append_pending_bytes_max = 0;
    bool auto_create_topics = false;
    bool auto_create_groups = false;
    bool property_filter = false;
    std::int32_t topic_queues = 0;
    std::string delay_levels; ///< see delay_levels.hpp
    transaction_config transaction;
    std::chrono::milliseconds timer_max_delay{};
    bool recall_messages = false;
    bool trace_topic = false;
    std::size_t pop_leases_max = 0;       ///< of one group in one queue
    std::size_t pop_leases_total_max = 0; ///< of all groups in all queues
    store_config store;
    pull_config pull;
};

struct network_config {
    std::size_t connections_max = 0;
    std::size_t connection_requests_max = 0;
    std::uint64_t connection_bytes_max = 0;
    std::uint64_t unsent_bytes_max = 0;
    std::uint64_t kept_bytes_max = 0;
    std::int64_t rest_max_us = 0;
    std::chrono::milliseconds request_timeout{};
    std::chrono::milliseconds half_frame_timeout{};
    std::chrono::milliseconds idle_timeout{};
};

struct runtime_config {
    scheduler_policy policy = scheduler_policy::sharing;
    std::size_t threads = 0; ///< 0: one per core
    std::size_t max_throughput = 0;
};

struct log_config {
    log_level level = log_level::info;
    log_format format = log_format::text;
};

struct node_config {
    bool runs_name_server = false;
    bool runs_broker = false;
    name_server_config name_server;
    broker_config broker;
    network_config network;
    runtime_config runtime;
    log_config log;
};

} // namespace troupe::config
