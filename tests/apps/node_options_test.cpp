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
    CHECK(made_listener.half_frame_timeout == listener.half_frame_timeout);
    CHECK(made_listener.unsent_bytes_max == listener.unsent_bytes_max);
    const actors::net::gateway_options gateway;
    const auto made_gateway = gateway_options_of(config);
    CHECK(made_gateway.requests_per_connection_max == gateway.requests_per_connection_max);
    CHECK(made_gateway.in_flight_bytes_per_connection_max == gateway.in_flight_bytes_per_connection_max);
    CHECK(made_gateway.request_timeout == gateway.request_timeout);
    CHECK(name_server_options_of(config).scan_interval == actors::name_server_options{}.scan_interval);
    const actors::broker_options broker;
    const auto made = broker_options_of(config, {});
    CHECK(made.cluster == broker.cluster);
    CHECK(made.broker_name == broker.broker_name);
    CHECK(made.flush_interval == broker.flush_interval);
    CHECK(made.append_pending_bytes_max == broker.append_pending_bytes_max);
    CHECK(made.auto_create_topics == broker.auto_create_topics);
    CHECK(made.auto_create_groups == broker.auto_create_groups);
    CHECK(made.default_topic_queues == broker.default_topic_queues);
    CHECK(made.hold_max == broker.hold_max);
    CHECK(made.pulls_held_max == broker.pulls_held_max);
    CHECK(made.reads_pending_max == broker.reads_pending_max);
    CHECK(made.messages_per_pull_max == broker.messages_per_pull_max);
    CHECK(made.bytes_per_pull_max == broker.bytes_per_pull_max);
    CHECK(made.client_expire == broker.client_expire);
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
