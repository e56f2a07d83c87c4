#include "config/load_config.hpp"
#include "config/option_table.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace troupe;
using namespace troupe::config;

TEST_CASE("option_table: every default is a legal value and prints as it is written") {
    for (const option& each : option_table()) {
        CAPTURE(each.key);
        const auto parsed = parse_option(each, each.default_text);
        REQUIRE(parsed.ok());
        const auto again = parse_option(each, format_option(each, *parsed));
        REQUIRE(again.ok());
        CHECK(*again == *parsed);
    }
}

TEST_CASE("option_table: both ends of every range are legal, and what lies beyond is not") {
    for (const option& each : option_table()) {
        if (each.min.empty()) {
            continue;
        }
        CAPTURE(each.key);
        CHECK(parse_option(each, each.min).ok());
        CHECK(parse_option(each, each.max).ok());
        const auto low = *parse_option(each, each.min);
        const auto high = *parse_option(each, each.max);
        if (const auto* number = std::get_if<std::int64_t>(&high)) {
            CHECK(check_option(each, *number + 1).code() == errc::argument_illegal);
            CHECK(check_option(each, std::get<std::int64_t>(low) - 1).code() == errc::argument_illegal);
        } else {
            CHECK(check_option(each, std::get<double>(high) + 0.1).code() == errc::argument_illegal);
            CHECK(check_option(each, std::get<double>(low) - 0.1).code() == errc::argument_illegal);
        }
    }
}

TEST_CASE("option_table: keys, flags and environment names are unique, and each option says what it means") {
    std::set<std::string> names;
    for (const option& each : option_table()) {
        CAPTURE(each.key);
        CHECK(names.insert(std::string{each.key}).second);
        CHECK(names.insert(flag_name(each)).second);
        CHECK(names.insert(environment_name(each)).second);
        CHECK(each.meaning.ends_with('.'));
        CHECK(find_option(each.key) == &each);
    }
    CHECK(find_option("broker.store") == nullptr);
    CHECK(find_option("") == nullptr);
}

// A value that is read but goes nowhere would be an option without effect.
TEST_CASE("option_table: every option reaches its own place in node_config") {
    const auto other = [](const option& what) -> std::string {
        switch (what.kind) {
        case option_kind::choice: return what.choices.back() == what.default_text ? what.choices.front() : what.choices.back();
        case option_kind::choice_list: return "broker";
        case option_kind::boolean: return what.default_text == "true" ? "false" : "true";
        case option_kind::address:
        case option_kind::address_list: return "127.0.0.9:99";
        case option_kind::text:
        case option_kind::name:
        case option_kind::host: return "other";
        default: return std::string{what.max == what.default_text ? what.min : what.max};
        }
    };
    const auto bytes_of = [](const node_config& config) {
        // Compares by re-applying: the config with the option set must differ from the default in exactly what apply writes.
        return std::tuple{config.runs_name_server,
                          config.runs_broker,
                          config.name_server.host,
                          config.name_server.port,
                          config.name_server.scan_interval,
                          config.broker.cluster,
                          config.broker.name,
                          config.broker.host,
                          config.broker.port,
                          config.broker.advertised_address,
                          config.broker.name_servers,
                          config.broker.register_interval,
                          config.broker.heartbeat_interval,
                          config.broker.expiry,
                          config.broker.client_expiry,
                          config.broker.request_timeout,
                          config.broker.append_pending_bytes_max,
                          config.broker.auto_create_topics,
                          config.broker.auto_create_groups,
                          config.broker.topic_queues};
    };
    const auto rest_of = [](const node_config& config) {
        const auto& store = config.broker.store;
        return std::tuple{store.directory,
                          store.flush,
                          store.flush_interval,
                          store.segment_bytes,
                          store.checkpoint_bytes,
                          store.retention_age,
                          store.retention_bytes,
                          store.retention_interval,
                          store.disk_clean_ratio,
                          store.disk_full_ratio,
                          store.disk_reserve_bytes,
                          store.index_memory_bytes_max,
                          store.block_cache_bytes,
                          config.broker.pull.messages_max,
                          config.broker.pull.bytes_max,
                          config.broker.pull.hold_max,
                          config.broker.pull.held_max,
                          config.broker.pull.reads_pending_max};
    };
    const auto process_of = [](const node_config& config) {
        const auto& network = config.network;
        return std::tuple{network.connections_max,
                          network.connection_requests_max,
                          network.connection_bytes_max,
                          network.unsent_bytes_max,
                          network.request_timeout,
                          network.half_frame_timeout,
                          network.idle_timeout,
                          config.runtime.policy,
                          config.runtime.threads,
                          config.runtime.max_throughput,
                          config.log.level,
                          config.log.format};
    };
    for (const option& each : option_table()) {
        if (each.key == "broker.id") {
            continue; // has one legal value
        }
        CAPTURE(each.key);
        node_config changed = default_config();
        const auto value = parse_option(each, other(each));
        REQUIRE(value.ok());
        each.apply(changed, *value);
        const node_config before = default_config();
        const bool differs =
            bytes_of(changed) != bytes_of(before) || rest_of(changed) != rest_of(before) || process_of(changed) != process_of(before);
        CHECK(differs);
    }
}
