#include "config/load_config.hpp"
#include "config/option_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <type_traits>

using namespace troupe;
using namespace troupe::config;

namespace {

/// A legal value of `what` that is not its default.
std::string other_value(const option& what) {
    switch (what.kind) {
    case option_kind::choice: return what.choices.back() == what.default_text ? what.choices.front() : what.choices.back();
    case option_kind::choice_list: return "broker";
    case option_kind::boolean: return what.default_text == "true" ? "false" : "true";
    case option_kind::address:
    case option_kind::address_list: return "127.0.0.9:99";
    case option_kind::text:
    case option_kind::name:
    case option_kind::host: return "other";
    case option_kind::broker_name: return "other@broker";
    default: return std::string{what.max == what.default_text ? what.min : what.max};
    }
}

option_value value_at(bool x) {
    return std::int64_t{x};
}
option_value value_at(double x) {
    return x;
}
option_value value_at(const std::string& x) {
    return x;
}
option_value value_at(const std::vector<std::string>& x) {
    return x;
}
option_value value_at(std::chrono::milliseconds x) {
    return std::int64_t{x.count()};
}
option_value value_at(flush_policy x) {
    return std::string{x == flush_policy::sync ? "sync" : "async"};
}
option_value value_at(scheduler_policy x) {
    return std::string{x == scheduler_policy::sharing ? "sharing" : "stealing"};
}
option_value value_at(log_level x) {
    static const std::array names{"trace", "debug", "info", "warning", "error"};
    return std::string{names.at(static_cast<std::size_t>(x))};
}
option_value value_at(log_format x) {
    return std::string{x == log_format::text ? "text" : "json"};
}
template <class Number>
requires std::is_integral_v<Number> option_value value_at(Number x) {
    return static_cast<std::int64_t>(x);
}

/// Where one option has to arrive, written down a second time: the table alone would agree with itself.
struct place {
    std::string_view key;
    option_value (*read)(const node_config& config);
};

// clang-format off
#define AT(key, member) place{key, [](const node_config& c) { return value_at(c.member); }}
std::vector<place> places_of() {
    return {
        place{"roles", [](const node_config& c) -> option_value {
            std::vector<std::string> roles;
            if (c.runs_name_server) { roles.emplace_back("name_server"); }
            if (c.runs_broker) { roles.emplace_back("broker"); }
            return roles;
        }},
        AT("name_server.host", name_server.host),
        AT("name_server.port", name_server.port),
        AT("name_server.scan_interval", name_server.scan_interval),
        AT("name_server.kv_config_path", name_server.kv_config_path),
        AT("broker.cluster", broker.cluster),
        AT("broker.name", broker.name),
        AT("broker.id", broker.id),
        AT("broker.host", broker.host),
        AT("broker.port", broker.port),
        AT("broker.vip_port", broker.vip_port),
        AT("broker.advertised_address", broker.advertised_address),
        AT("broker.name_servers", broker.name_servers),
        AT("broker.register_interval", broker.register_interval),
        AT("broker.heartbeat_interval", broker.heartbeat_interval),
        AT("broker.expiry", broker.expiry),
        AT("broker.client_expiry", broker.client_expiry),
        AT("broker.offset_expiry", broker.offset_expiry),
        AT("broker.slow_after", broker.slow_after),
        AT("broker.request_timeout", broker.request_timeout),
        AT("broker.append_pending_bytes_max", broker.append_pending_bytes_max),
        AT("broker.auto_create_topics", broker.auto_create_topics),
        AT("broker.auto_create_groups", broker.auto_create_groups),
        AT("broker.property_filter", broker.property_filter),
        AT("broker.topic_queues", broker.topic_queues),
        AT("broker.delay_levels", broker.delay_levels),
        AT("broker.timer_max_delay", broker.timer_max_delay),
        AT("broker.recall_messages", broker.recall_messages),
        AT("broker.trace_topic", broker.trace_topic),
        AT("broker.pop_leases_max", broker.pop_leases_max),
        AT("broker.pop_leases_total_max", broker.pop_leases_total_max),
        AT("broker.transaction.timeout", broker.transaction.timeout),
        AT("broker.transaction.check_interval", broker.transaction.check_interval),
        AT("broker.transaction.checks_max", broker.transaction.checks_max),
        AT("broker.transaction.pending_max", broker.transaction.pending_max),
        AT("broker.store.directory", broker.store.directory),
        AT("broker.store.flush", broker.store.flush),
        AT("broker.store.flush_interval", broker.store.flush_interval),
        AT("broker.store.segment_size", broker.store.segment_bytes),
        AT("broker.store.checkpoint_size", broker.store.checkpoint_bytes),
        AT("broker.store.retention_age", broker.store.retention_age),
        AT("broker.store.retention_size", broker.store.retention_bytes),
        AT("broker.store.retention_interval", broker.store.retention_interval),
        AT("broker.store.disk_clean_ratio", broker.store.disk_clean_ratio),
        AT("broker.store.disk_full_ratio", broker.store.disk_full_ratio),
        AT("broker.store.disk_reserve", broker.store.disk_reserve_bytes),
        AT("broker.store.index_memory_max", broker.store.index_memory_bytes_max),
        AT("broker.store.block_cache", broker.store.block_cache_bytes),
        AT("broker.pull.messages_max", broker.pull.messages_max),
        AT("broker.pull.bytes_max", broker.pull.bytes_max),
        AT("broker.pull.hold_max", broker.pull.hold_max),
        AT("broker.pull.held_max", broker.pull.held_max),
        AT("broker.pull.reads_pending_max", broker.pull.reads_pending_max),
        AT("network.connections_max", network.connections_max),
        AT("network.connection_requests_max", network.connection_requests_max),
        AT("network.connection_bytes_max", network.connection_bytes_max),
        AT("network.unsent_bytes_max", network.unsent_bytes_max),
        AT("network.kept_bytes_max", network.kept_bytes_max),
        AT("network.rest_max_us", network.rest_max_us),
        AT("network.request_timeout", network.request_timeout),
        AT("network.half_frame_timeout", network.half_frame_timeout),
        AT("network.idle_timeout", network.idle_timeout),
        AT("runtime.scheduler_policy", runtime.policy),
        AT("runtime.scheduler_threads", runtime.threads),
        AT("runtime.scheduler_max_throughput", runtime.max_throughput),
        AT("log.level", log.level),
        AT("log.format", log.format),
    };
}
#undef AT
// clang-format on

} // namespace

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

// A value that is read but goes nowhere, or to the place of another option, would be an option without effect.
TEST_CASE("option_table: every option reaches its own place in node_config, and no other") {
    const auto places = places_of();
    std::set<std::string_view> keys;
    for (const place& each : places) {
        CAPTURE(each.key);
        CHECK(keys.insert(each.key).second);
    }
    for (const option& each : option_table()) {
        CAPTURE(each.key);
        if (each.key == "broker.id") {
            continue; // has one legal value
        }
        CHECK(keys.contains(each.key));
        const node_config before = default_config();
        node_config changed = before;
        const auto value = parse_option(each, other_value(each));
        REQUIRE(value.ok());
        each.apply(changed, *value);
        for (const place& where : places) {
            CAPTURE(where.key);
            CHECK((where.read(changed) == where.read(before)) == (where.key != each.key));
        }
        const auto reached = std::ranges::find(places, each.key, &place::key);
        REQUIRE(reached != places.end());
        CHECK(reached->read(changed) == *value);
    }
}
