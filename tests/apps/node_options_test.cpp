#include "apps/node_options.hpp"

#include "config/load_config.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::apps;

// The configuration's defaults are what the parts were built and tested with.
TEST_CASE("node_options: the default configuration gives the defaults of every part") {
    const auto config = config::default_config();
    const actors::net::listener_options listener;
    const auto made_listener = listener_options_of(config, "127.0.0.1", 7);
    CHECK(made_listener.port == 7);
    CHECK(made_listener.connections_max == listener.connections_max);
    CHECK(made_listener.idle_timeout == listener.idle_timeout);
    CHECK(made_listener.kept_bytes_max == listener.kept_bytes_max);
    CHECK(made_listener.rest_max == listener.rest_max);
    CHECK(made_listener.half_frame_timeout == listener.half_frame_timeout);
    CHECK(made_listener.unsent_bytes_max == listener.unsent_bytes_max);
    const actors::net::gateway_options gateway;
    const auto made_gateway = gateway_options_of(config);
    CHECK(made_gateway.requests_per_connection_max == gateway.requests_per_connection_max);
    CHECK(made_gateway.in_flight_bytes_per_connection_max == gateway.in_flight_bytes_per_connection_max);
    CHECK(made_gateway.request_timeout == gateway.request_timeout);
    CHECK(name_server_options_of(config).scan_interval == actors::name_server_options{}.scan_interval);
    CHECK(name_server_options_of(config).kv_config_path ==
          (config.runs_broker ? config.broker.store.directory + "/" : "") + "kvConfig.json");
    const actors::broker_options broker;
    const auto made = broker_options_of(config, {});
    CHECK(made.cluster == broker.cluster);
    CHECK(made.broker_name == broker.broker_name);
    CHECK(made.flush_interval == broker.flush_interval);
    CHECK(made.append_pending_bytes_max == broker.append_pending_bytes_max);
    CHECK(made.auto_create_topics == broker.auto_create_topics);
    CHECK(made.auto_create_groups == broker.auto_create_groups);
    CHECK(made.property_filter == broker.property_filter);
    CHECK(made.default_topic_queues == broker.default_topic_queues);
    CHECK(made.delay_levels == broker.delay_levels);
    CHECK(made.transactions.timeout == broker.transactions.timeout);
    CHECK(made.transactions.interval == broker.transactions.interval);
    CHECK(made.transactions.checks_max == broker.transactions.checks_max);
    CHECK(made.transactions_pending_max == broker.transactions_pending_max);
    CHECK(made.timer_horizon == broker.timer_horizon);
    CHECK(made.recall_messages == broker.recall_messages);
    CHECK(made.trace_topic == broker.trace_topic);
    CHECK(made.pop_leases_per_queue_max == broker.pop_leases_per_queue_max);
    CHECK(made.pop_leases_total_max == broker.pop_leases_total_max);
    CHECK(made.hold_max == broker.hold_max);
    CHECK(made.pulls_held_max == broker.pulls_held_max);
    CHECK(made.reads_pending_max == broker.reads_pending_max);
    CHECK(made.messages_per_pull_max == broker.messages_per_pull_max);
    CHECK(made.bytes_per_pull_max == broker.bytes_per_pull_max);
    CHECK(made.client_expire == broker.client_expire);
    CHECK(made.slow_after == broker.slow_after);
    CHECK(made.offset_expiry == broker.offset_expiry);
    CHECK(made.retain_interval == broker.retain_interval);
    CHECK(made.store.flush == broker.store.flush);
    CHECK(made.store.segment_bytes == broker.store.segment_bytes);
    CHECK(made.store.checkpoint_bytes == broker.store.checkpoint_bytes);
    CHECK(made.store.retention_age == broker.store.retention_age);
    CHECK(made.store.retention_bytes == broker.store.retention_bytes);
    CHECK(made.store.disk_clean_ratio == broker.store.disk_clean_ratio);
    CHECK(made.store.disk_full_ratio == broker.store.disk_full_ratio);
    CHECK(made.store.disk_reserve_bytes == broker.store.disk_reserve_bytes);
    CHECK(made.store.index_memory_bytes_max == broker.store.index_memory_bytes_max);
    CHECK(made.store.block_cache_bytes == broker.store.block_cache_bytes);
    const actors::registrar_options registrar;
    const auto made_registrar = registrar_options_of(config, "127.0.0.1:10911");
    CHECK(made_registrar.address == "127.0.0.1:10911");
    CHECK(made_registrar.register_interval == registrar.register_interval);
    CHECK(made_registrar.heartbeat_interval == registrar.heartbeat_interval);
    CHECK(made_registrar.request_timeout == registrar.request_timeout);
    CHECK(made_registrar.expire == config.broker.expiry);
}

// Two values that change places would pass for each other if they were equal, so all of them differ.
TEST_CASE("node_options: every value goes to its own place") {
    using std::chrono::milliseconds;
    auto config = config::default_config();
    auto& network = config.network;
    network.connections_max = 101;
    network.connection_requests_max = 102;
    network.connection_bytes_max = 103;
    network.unsent_bytes_max = 104;
    network.kept_bytes_max = 109;
    network.rest_max_us = 110;
    network.request_timeout = milliseconds{105};
    network.half_frame_timeout = milliseconds{106};
    network.idle_timeout = milliseconds{107};
    config.name_server.scan_interval = milliseconds{108};
    auto& broker = config.broker;
    broker.cluster = "the-cluster";
    broker.name = "the-broker";
    broker.register_interval = milliseconds{201};
    broker.heartbeat_interval = milliseconds{202};
    broker.expiry = milliseconds{203};
    broker.client_expiry = milliseconds{204};
    broker.slow_after = milliseconds{214};
    broker.offset_expiry = milliseconds{216};
    broker.request_timeout = milliseconds{205};
    broker.append_pending_bytes_max = 206;
    broker.topic_queues = 207;
    broker.delay_levels = "208ms 209ms";
    broker.transaction = {milliseconds{210}, milliseconds{211}, 212, 213};
    broker.timer_max_delay = milliseconds{210};
    broker.recall_messages = false;
    broker.trace_topic = false;
    broker.pop_leases_max = 214;
    broker.pop_leases_total_max = 2'014;
    broker.auto_create_topics = true;
    broker.auto_create_groups = false;
    broker.property_filter = false;
    auto& store = broker.store;
    store.directory = "the-directory";
    store.flush = config::flush_policy::async;
    store.flush_interval = milliseconds{301};
    store.segment_bytes = 302;
    store.checkpoint_bytes = 303;
    store.retention_age = milliseconds{304};
    store.retention_bytes = 305;
    store.retention_interval = milliseconds{306};
    store.disk_clean_ratio = 0.307;
    store.disk_full_ratio = 0.308;
    store.disk_reserve_bytes = 309;
    store.index_memory_bytes_max = 310;
    store.block_cache_bytes = 311;
    auto& pull = broker.pull;
    pull.messages_max = 401;
    pull.bytes_max = 402;
    pull.hold_max = milliseconds{403};
    pull.held_max = 404;
    pull.reads_pending_max = 405;

    const auto listener = listener_options_of(config, "the-host", 7);
    CHECK(listener.host == "the-host");
    CHECK(listener.port == 7);
    CHECK(listener.connections_max == 101);
    CHECK(listener.unsent_bytes_max == 104);
    CHECK(listener.kept_bytes_max == 109);
    CHECK(listener.rest_max == std::chrono::microseconds{110});
    CHECK(listener.half_frame_timeout == milliseconds{106});
    CHECK(listener.idle_timeout == milliseconds{107});
    const auto gateway = gateway_options_of(config);
    CHECK(gateway.requests_per_connection_max == 102);
    CHECK(gateway.in_flight_bytes_per_connection_max == 103);
    CHECK(gateway.request_timeout == milliseconds{105});
    CHECK(name_server_options_of(config).scan_interval == milliseconds{108});

    const auto address = *protocol::parse_host_address("10.1.2.3:4");
    const auto made = broker_options_of(config, address);
    CHECK(made.cluster == "the-cluster");
    CHECK(made.broker_name == "the-broker");
    CHECK(made.store_host == address);
    CHECK(made.client_expire == milliseconds{204});
    CHECK(made.slow_after == milliseconds{214});
    CHECK(made.offset_expiry == milliseconds{216});
    CHECK(made.append_pending_bytes_max == 206);
    CHECK(made.default_topic_queues == 207);
    CHECK(made.delay_levels == std::vector{milliseconds{208}, milliseconds{209}});
    CHECK(made.transactions.timeout == milliseconds{210});
    CHECK(made.transactions.interval == milliseconds{211});
    CHECK(made.transactions.checks_max == 212);
    CHECK(made.transactions_pending_max == 213);
    CHECK(made.timer_horizon == milliseconds{210});
    CHECK_FALSE(made.recall_messages);
    CHECK_FALSE(made.trace_topic);
    CHECK(made.pop_leases_per_queue_max == 214);
    CHECK(made.pop_leases_total_max == 2'014);
    CHECK(made.auto_create_topics);
    CHECK_FALSE(made.auto_create_groups);
    CHECK_FALSE(made.property_filter);
    CHECK(made.store.directory == "the-directory");
    CHECK(made.store.flush == storage::flush_mode::async);
    CHECK(made.flush_interval == milliseconds{301});
    CHECK(made.store.segment_bytes == 302);
    CHECK(made.store.checkpoint_bytes == 303);
    CHECK(made.store.retention_age == milliseconds{304});
    CHECK(made.store.retention_bytes == 305);
    CHECK(made.retain_interval == milliseconds{306});
    CHECK(made.store.disk_clean_ratio == 0.307);
    CHECK(made.store.disk_full_ratio == 0.308);
    CHECK(made.store.disk_reserve_bytes == 309);
    CHECK(made.store.index_memory_bytes_max == 310);
    CHECK(made.store.block_cache_bytes == 311);
    CHECK(made.messages_per_pull_max == 401);
    CHECK(made.bytes_per_pull_max == 402);
    CHECK(made.hold_max == milliseconds{403});
    CHECK(made.pulls_held_max == 404);
    CHECK(made.reads_pending_max == 405);

    const auto registrar = registrar_options_of(config, "10.1.2.3:4");
    CHECK(registrar.cluster == "the-cluster");
    CHECK(registrar.broker_name == "the-broker");
    CHECK(registrar.address == "10.1.2.3:4");
    CHECK(registrar.register_interval == milliseconds{201});
    CHECK(registrar.heartbeat_interval == milliseconds{202});
    CHECK(registrar.expire == milliseconds{203});
    CHECK(registrar.request_timeout == milliseconds{205});
}

TEST_CASE("node_options: what a file says reaches the store") {
    config::config_source source;
    source.file_name = "node.json";
    source.file_text = R"({"broker": {"store": {"directory": "d", "flush": "async", "flush_interval": "20ms", "segment_size": "64MiB",
                          "checkpoint_size": "8MiB", "retention_size": "1GiB"}, "pull": {"bytes_max": "1MiB"}}})";
    const auto loaded = config::load_config(source);
    REQUIRE(loaded.loaded);
    const auto made = broker_options_of(loaded.loaded->config, {});
    CHECK(made.store.directory == "d");
    CHECK(made.store.flush == storage::flush_mode::async);
    CHECK(made.flush_interval == std::chrono::milliseconds{20});
    CHECK(made.store.segment_bytes == 64u << 20);
    CHECK(made.store.checkpoint_bytes == 8u << 20);
    CHECK(made.store.retention_bytes == 1u << 30);
    CHECK(made.bytes_per_pull_max == 1u << 20);
}
