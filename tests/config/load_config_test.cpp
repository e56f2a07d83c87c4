#include "config/load_config.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace troupe;
using namespace troupe::config;

namespace {

config_source file_of(std::string text) {
    config_source source;
    source.file_name = "node.json";
    source.file_text = std::move(text);
    return source;
}

const setting& setting_of(const loaded_config& loaded, std::string_view key) {
    const auto found =
        std::find_if(loaded.settings.begin(), loaded.settings.end(), [&](const setting& each) { return each.what->key == key; });
    REQUIRE(found != loaded.settings.end());
    return *found;
}

} // namespace

TEST_CASE("load_config: an empty file is a standalone node on loopback with synced messages") {
    const auto outcome = load_config(file_of("{}"));
    REQUIRE(outcome.loaded);
    const node_config& config = outcome.loaded->config;
    CHECK(config.runs_name_server);
    CHECK(config.runs_broker);
    CHECK(config.name_server.host == "127.0.0.1");
    CHECK(config.name_server.port == 9876);
    CHECK(config.broker.host == "127.0.0.1");
    CHECK(config.broker.port == 10911);
    CHECK(config.broker.store.flush == flush_policy::sync);
    CHECK(config.broker.store.segment_bytes == 1ull << 30);
    CHECK(config.broker.store.retention_age == std::chrono::hours{72});
    CHECK(config.runtime.policy == scheduler_policy::sharing);
    CHECK(config.runtime.max_throughput == 100);
}

TEST_CASE("load_config: no file at all gives the defaults") {
    const auto outcome = load_config({});
    REQUIRE(outcome.loaded);
    CHECK(outcome.loaded->config.broker.port == 10911);
    for (const setting& each : outcome.loaded->settings) {
        CHECK(each.from == origin::default_value);
        CHECK(each.place.empty());
    }
}

TEST_CASE("load_config: values of every kind are read from a file") {
    const auto outcome = load_config(file_of(R"({
        "roles": ["broker"],
        "broker": {
            "cluster": "C-1", "name": "room-1@b_1", "host": "0.0.0.0", "port": 0, "advertised_address": "broker.example:10911",
            "name_servers": ["10.0.0.1:9876", "[fe80::1]:9876"], "auto_create_topics": true, "register_interval": "1500ms",
            "store": {"directory": "/var/lib/troupe", "flush": "async", "segment_size": "64MiB", "disk_full_ratio": 1, "disk_clean_ratio": 0.9}
        }})"));
    REQUIRE(outcome.loaded);
    const node_config& config = outcome.loaded->config;
    CHECK_FALSE(config.runs_name_server);
    CHECK(config.broker.cluster == "C-1");
    CHECK(config.broker.name == "room-1@b_1");
    CHECK(config.broker.advertised_address == "broker.example:10911");
    CHECK(config.broker.name_servers == std::vector<std::string>{"10.0.0.1:9876", "[fe80::1]:9876"});
    CHECK(config.broker.auto_create_topics);
    CHECK(config.broker.register_interval == std::chrono::milliseconds{1500});
    CHECK(config.broker.store.flush == flush_policy::async);
    CHECK(config.broker.store.segment_bytes == 64u << 20);
    CHECK(config.broker.store.disk_full_ratio == 1.0);
}

TEST_CASE("load_config: flag goes over environment over file over default, and each value knows its origin") {
    config_source source = file_of("{\"broker\": {\"port\": 1001,\n \"name\": \"from-file\", \"cluster\": \"from-file\"}}");
    source.environment = {{"TROUPE_BROKER_PORT", "1002"}, {"TROUPE_BROKER_NAME", "from-environment"}, {"HOME", "/"}, {"TROUPE_SEED", "7"}};
    source.flags = {{"--broker-port", "1003"}};
    const auto outcome = load_config(source);
    REQUIRE(outcome.loaded);
    CHECK(outcome.loaded->config.broker.port == 1003);
    CHECK(outcome.loaded->config.broker.name == "from-environment");
    CHECK(outcome.loaded->config.broker.cluster == "from-file");
    CHECK(setting_of(*outcome.loaded, "broker.port").from == origin::flag);
    CHECK(setting_of(*outcome.loaded, "broker.port").place == "--broker-port");
    CHECK(setting_of(*outcome.loaded, "broker.name").from == origin::environment);
    CHECK(setting_of(*outcome.loaded, "broker.name").place == "TROUPE_BROKER_NAME");
    CHECK(setting_of(*outcome.loaded, "broker.cluster").from == origin::file);
    CHECK(setting_of(*outcome.loaded, "broker.cluster").place == "node.json:2:34");
    CHECK(setting_of(*outcome.loaded, "broker.host").from == origin::default_value);
}

TEST_CASE("load_config: lists in flags and environment are separated by commas") {
    config_source source;
    source.environment = {{"TROUPE_ROLES", "broker"}};
    source.flags = {{"--broker-name-servers", "10.0.0.1:9876, 10.0.0.2:9876"}};
    const auto outcome = load_config(source);
    REQUIRE(outcome.loaded);
    CHECK(outcome.loaded->config.broker.name_servers == std::vector<std::string>{"10.0.0.1:9876", "10.0.0.2:9876"});
}

TEST_CASE("load_config: the shipped files load") {
    const std::filesystem::path directory{TROUPE_SOURCE_DIRECTORY "/config"};
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory}) {
        if (entry.path().extension() != ".json") {
            continue;
        }
        CAPTURE(entry.path().string());
        ++files;
        const auto text = read_config_file(entry.path());
        REQUIRE(text.ok());
        const auto outcome = load_config(file_of(*text));
        CHECK(outcome.loaded.has_value());
    }
    CHECK(files == 7);
}

TEST_CASE("load_config: a file that cannot be read says which and why") {
    CHECK(read_config_file("no/such.json").failure() == error{errc::not_found, "no/such.json: cannot be read: No such file or directory"});
    CHECK(read_config_file("/").failure() == error{errc::io, "/: is a directory, not a configuration file"});
}
