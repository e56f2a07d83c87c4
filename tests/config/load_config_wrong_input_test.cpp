#include "config/load_config.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::config;

namespace {

std::vector<std::string> mistakes_of(const config_source& source) {
    const auto outcome = load_config(source);
    CHECK(outcome.loaded.has_value() == outcome.mistakes.empty());
    std::vector<std::string> lines;
    for (const config_error& each : outcome.mistakes) {
        lines.push_back(to_string(each));
    }
    return lines;
}

config_source file_of(std::string_view text) {
    config_source source;
    source.file_name = "f.json";
    source.file_text = text;
    return source;
}

struct wrong_file {
    std::string_view text;
    std::string_view message;
};

void check_all(const std::vector<wrong_file>& files) {
    for (const wrong_file& each : files) {
        CAPTURE(each.text);
        const auto lines = mistakes_of(file_of(each.text));
        REQUIRE(lines.size() == 1);
        CHECK(lines.front() == each.message);
    }
}

} // namespace

TEST_CASE("load_config: what is no JSON is shown at its line and column") {
    check_all({
        {"", "f.json:1:1: unexpected end of input; expected '[', '{', or a literal"},
        {"{\"roles\": [\"broker\",]}", "f.json:1:21: unexpected ']'; expected '[', '{', or a literal"},
        {"{\n  \"roles\" [\"broker\"]\n}", "f.json:2:11: unexpected '['; expected ':'"},
        {"{\"broker\": {\"port\": 1}", "f.json:1:23: unexpected end of input; expected '}'"},
        {"{\"broker\": {\"port\": 010}}", "f.json:1:23: unexpected number literal; expected '}'"},
        {"{'broker': 1}", "f.json:1:2: invalid literal; last read: '{''; expected string literal"},
        {"[]", "f.json:1:1: expected a configuration in braces, got a list"},
        {"\"hello\"", "f.json:1:1: expected a configuration in braces, got a string"},
        {"7", "f.json:1:1: expected a configuration in braces, got a number"},
    });
}

TEST_CASE("load_config: unknown keys are errors and name the nearest valid key") {
    check_all({
        {R"({"role": ["broker"]})", R"(f.json:1:2: role: unknown key; did you mean "roles"?)"},
        {R"({"brokr": {}})", R"(f.json:1:2: brokr: unknown key; did you mean "broker"?)"},
        {R"({"nameserver": {}})", R"(f.json:1:2: nameserver: unknown key; did you mean "name_server"?)"},
        {R"({"broker": {"prot": 1}})", R"(f.json:1:13: broker.prot: unknown key; did you mean "port"?)"},
        {R"({"broker": {"store": {"segment_sise": "1GiB"}}})",
         R"(f.json:1:23: broker.store.segment_sise: unknown key; did you mean "segment_size"?)"},
        {R"({"broker": {"store": {"segment_bytes": "1GiB"}}})",
         R"(f.json:1:23: broker.store.segment_bytes: unknown key; did you mean "segment_size"?)"},
        {R"({"broker": {"flush": "sync"}})",
         R"(f.json:1:13: broker.flush: unknown key; did you mean "broker.store.flush", in another section?)"},
        {R"({"log": {"colour": 1}})", R"(f.json:1:10: log.colour: unknown key; section "log" knows level, format)"},
        {R"({"zzz": 1})", R"(f.json:1:2: zzz: unknown key; the file knows roles, name_server, broker, network, runtime, log)"},
        {R"({"broker.port": 1})",
         R"(f.json:1:2: broker.port: unknown key; the file knows roles, name_server, broker, network, runtime, log)"},
        {R"({"": 1})", R"(f.json:1:2: "": unknown key; the file knows roles, name_server, broker, network, runtime, log)"},
    });
}

TEST_CASE("load_config: a key given twice names the first") {
    check_all({
        {"{\"log\": {},\n \"log\": {}}", "f.json:2:2: log: given twice; the first is at line 1, column 2"},
        {"{\"log\": {\"level\": \"info\", \"level\": \"debug\"}}",
         "f.json:1:27: log.level: given twice; the first is at line 1, column 10"},
    });
}

TEST_CASE("load_config: wrong types say what was expected and what was found") {
    check_all({
        {R"({"broker": 7})", R"(f.json:1:12: broker: expected a section in braces, got the number 7)"},
        {R"({"broker": []})", R"(f.json:1:12: broker: expected a section in braces, got a list)"},
        {R"({"roles": "broker"})", R"(f.json:1:11: roles: expected a list of name_server, broker, got the string "broker")"},
        {R"({"roles": [1]})", R"(f.json:1:12: roles: expected a list of name_server, broker, got the number 1 in it)"},
        {R"({"broker": {"port": "10911"}})", R"(f.json:1:21: broker.port: expected a whole number, got the string "10911")"},
        {R"({"broker": {"port": 10911.5}})", R"(f.json:1:21: broker.port: expected a whole number, got the number 10911.5)"},
        {R"({"broker": {"port": null}})", R"(f.json:1:21: broker.port: expected a whole number, got null)"},
        {R"({"broker": {"port": {}}})", R"(f.json:1:21: broker.port: expected a whole number, got a section)"},
        {R"({"broker": {"name": 7}})", R"(f.json:1:21: broker.name: expected a name, got the number 7)"},
        {R"({"broker": {"auto_create_topics": "yes"}})",
         R"(f.json:1:35: broker.auto_create_topics: expected true or false, got the string "yes")"},
        {R"({"broker": {"auto_create_topics": 1}})", R"(f.json:1:35: broker.auto_create_topics: expected true or false, got the number 1)"},
        {R"({"broker": {"store": {"disk_full_ratio": "95%"}}})",
         R"(f.json:1:42: broker.store.disk_full_ratio: expected a number, got the string "95%")"},
        {R"({"broker": {"store": {"flush": true}}})", R"(f.json:1:32: broker.store.flush: expected one of sync, async, got true)"},
    });
}

TEST_CASE("load_config: sizes and durations need a unit, and the message says which") {
    check_all({
        {R"({"broker": {"store": {"segment_size": 1073741824}}})",
         R"(f.json:1:39: broker.store.segment_size: expected a size with a unit, like "1GiB", got the number 1073741824; in bytes that is "1GiB")"},
        {R"({"broker": {"store": {"flush_interval": 500}}})",
         R"(f.json:1:41: broker.store.flush_interval: expected a duration with a unit, like "500ms", got the number 500; in milliseconds that is "500ms")"},
        {R"({"broker": {"store": {"retention_age": "3 days"}}})",
         R"(f.json:1:40: broker.store.retention_age: unknown unit " days"; units are ms, s, m, h, d)"},
        {R"({"broker": {"store": {"segment_size": "1GB"}}})",
         R"(f.json:1:39: broker.store.segment_size: unknown unit "GB"; write GiB (powers of 1024))"},
        {R"({"broker": {"store": {"segment_size": "1024"}}})",
         R"(f.json:1:39: broker.store.segment_size: "1024" has no unit; write one of B, KiB, MiB, GiB, TiB behind the number)"},
    });
}

TEST_CASE("load_config: values out of range name the range") {
    check_all({
        {R"({"broker": {"port": 65536}})", "f.json:1:21: broker.port: 65536 is out of range: 0 to 65535"},
        {R"({"broker": {"port": -1}})", "f.json:1:21: broker.port: -1 is out of range: 0 to 65535"},
        {R"({"broker": {"id": 1}})", "f.json:1:19: broker.id: 1 is out of range: 0 to 0"},
        {R"({"broker": {"store": {"segment_size": "4MiB"}}})",
         "f.json:1:39: broker.store.segment_size: 4MiB is out of range: 8MiB to 2GiB"},
        {R"({"broker": {"store": {"retention_age": "1s"}}})", "f.json:1:40: broker.store.retention_age: 1s is out of range: 1m to 36500d"},
        {R"({"broker": {"store": {"disk_full_ratio": 95}}})", "f.json:1:42: broker.store.disk_full_ratio: 95 is out of range: 0.05 to 1"},
        {R"({"runtime": {"scheduler_max_throughput": 0}})",
         "f.json:1:42: runtime.scheduler_max_throughput: 0 is out of range: 1 to 1000000"},
        {R"({"network": {"connections_max": 99999999999999999999}})",
         "f.json:1:33: network.connections_max: expected a whole number, got the number 99999999999999999999"},
    });
}

TEST_CASE("load_config: choices name the nearest one") {
    check_all({
        {R"({"broker": {"store": {"flush": "snyc"}}})",
         R"(f.json:1:32: broker.store.flush: "snyc" is none of sync, async; did you mean "sync"?)"},
        {R"({"broker": {"store": {"flush": "never"}}})", R"(f.json:1:32: broker.store.flush: "never" is none of sync, async)"},
        {R"({"log": {"level": "warn"}})", R"(f.json:1:19: log.level: "warn" is none of trace, debug, info, warning, error)"},
        {R"({"roles": ["nameserver"]})", R"(f.json:1:12: roles: "nameserver" is none of name_server, broker; did you mean "name_server"?)"},
        {R"({"roles": []})", R"(f.json:1:11: roles: must name at least one of name_server, broker)"},
        {R"({"roles": ["broker", "broker"]})", R"(f.json:1:22: roles: "broker" is listed twice)"},
    });
}

TEST_CASE("load_config: the name of a broker is one name, or two with an @ between them") {
    struct wrong_name {
        std::string name;
        int place; ///< of what is wrong
    };
    const std::vector<wrong_name> wrong{{"../etc", 1}, {"@a", 1}, {"room@", 5}, {"a@b@c", 4}, {"room@b c", 7}};
    for (const wrong_name& each : wrong) {
        CAPTURE(each.name);
        const auto lines = mistakes_of(file_of(R"({"broker": {"name": ")" + each.name + "\"}}"));
        REQUIRE(lines.size() == 1);
        CHECK(lines.front() ==
              "f.json:1:21: broker.name: \"" + each.name + "\" has an illegal character at place " + std::to_string(each.place) +
                  "; names have letters, digits, '_' and '-', and that of a broker may have one '@', behind the name of its room");
    }
}

TEST_CASE("load_config: names, hosts and addresses are checked") {
    check_all({
        {R"({"broker": {"name": ""}})", R"(f.json:1:21: broker.name: expected a name, got nothing)"},
        {R"({"broker": {"cluster": "room@a"}})",
         R"(f.json:1:24: broker.cluster: "room@a" has an illegal character at place 5; names have letters, digits, '_' and '-')"},
        {R"({"broker": {"host": ""}})", R"(f.json:1:21: broker.host: expected an IP address or host name, got nothing)"},
        {R"({"broker": {"host": "a b"}})", R"(f.json:1:21: broker.host: "a b" is no IP address or host name)"},
        {R"({"broker": {"name_servers": ["127.0.0.1"]}})",
         R"(f.json:1:30: broker.name_servers: "127.0.0.1" has no port; write "host:port")"},
        {R"({"broker": {"name_servers": ["a:0"]}})",
         R"(f.json:1:30: broker.name_servers: "a:0" has no port from 1 to 65535 behind the colon)"},
        {R"({"broker": {"name_servers": ["a:x"]}})",
         R"(f.json:1:30: broker.name_servers: "a:x" has no port from 1 to 65535 behind the colon)"},
        {R"({"broker": {"name_servers": ["::1:9876"]}})",
         R"(f.json:1:30: broker.name_servers: "::1:9876" is ambiguous; write an IPv6 address in brackets: "[::1]:9876")"},
        {R"({"broker": {"name_servers": ["a:1", "a:1"]}})", R"(f.json:1:37: broker.name_servers: "a:1" is listed twice)"},
        {R"({"broker": {"advertised_address": ":10911"}})",
         R"(f.json:1:35: broker.advertised_address: ":10911": expected an IP address or host name, got nothing)"},
        {R"({"broker": {"store": {"directory": ""}}})", R"(f.json:1:36: broker.store.directory: must not be empty)"},
        {"{\"broker\": {\"store\": {\"directory\": \"a\\nb\"}}}", R"(f.json:1:36: broker.store.directory: "a?b" has a control character)"},
    });
}

TEST_CASE("load_config: contradictions between options are errors at the one to change") {
    check_all({
        {R"({"roles": ["broker"]})",
         R"(f.json: broker.name_servers: is empty, and this process runs no name server; list at least one "host:port", or add "name_server" to roles)"},
        {R"({"broker": {"port": 9876}})", R"(f.json:1:21: broker.port: is 9876, as is name_server.port; give each its own)"},
        {R"({"broker": {"store": {"segment_size": "16MiB"}}})",
         R"(f.json: broker.store.checkpoint_size: is 64MiB, more than broker.store.segment_size (16MiB); lower it or raise the other)"},
        {R"({"broker": {"store": {"retention_size": "1GiB"}}})",
         R"(f.json:1:41: broker.store.retention_size: is 1GiB, less than two segments (broker.store.segment_size is 1GiB); raise it, or write 0B for no limit)"},
        {R"({"broker": {"store": {"disk_clean_ratio": 0.95}}})",
         R"(f.json: broker.store.disk_full_ratio: must be above broker.store.disk_clean_ratio, so that old segments go before sends are refused)"},
        {R"({"broker": {"heartbeat_interval": "10s", "expiry": "5s"}})",
         R"(f.json:1:35: broker.heartbeat_interval: is 10s, not shorter than broker.expiry (5s); the broker would leave the routes between two heartbeats)"},
    });
}

TEST_CASE("load_config: rules of a role that does not run are not applied") {
    CHECK(mistakes_of(file_of(R"({"roles": ["name_server"], "broker": {"port": 9876, "store": {"segment_size": "16MiB"}}})")).empty());
}

TEST_CASE("load_config: every wrong item of a list is listed, at its place") {
    CHECK(mistakes_of(file_of(R"({"broker": {"name_servers": ["a:1", "b", 7, "c:0", "a:1"]}})")) ==
          std::vector<std::string>{
              R"(f.json:1:37: broker.name_servers: "b" has no port; write "host:port")",
              R"(f.json:1:42: broker.name_servers: expected a list of addresses "host:port", got the number 7 in it)",
              R"(f.json:1:45: broker.name_servers: "c:0" has no port from 1 to 65535 behind the colon)",
              R"(f.json:1:52: broker.name_servers: "a:1" is listed twice)",
          });
    config_source source;
    source.flags = {{"--roles", "brokr,name_servr"}};
    CHECK(
        mistakes_of(source) ==
        std::vector<std::string>{
            R"(--roles: roles: "brokr" is none of name_server, broker; did you mean "broker"?; "name_servr" is none of name_server, broker; did you mean "name_server"?)"});
}

TEST_CASE("load_config: contradictions between accepted options are listed beside other mistakes") {
    CHECK(mistakes_of(file_of(R"({"log": {"level": "loud"}, "broker": {"port": 9876, "store": {"segment_size": "16MiB", "flsh": 1}}})")) ==
          std::vector<std::string>{
              R"(f.json:1:19: log.level: "loud" is none of trace, debug, info, warning, error)",
              R"(f.json:1:88: broker.store.flsh: unknown key; did you mean "flush"?)",
              R"(f.json:1:47: broker.port: is 9876, as is name_server.port; give each its own)",
              R"(f.json: broker.store.checkpoint_size: is 64MiB, more than broker.store.segment_size (16MiB); lower it or raise the other)",
          });
}

TEST_CASE("load_config: what was refused or mistyped is not said to contradict anything") {
    check_all({
        {R"({"name_server": {"port": "9876"}, "broker": {"port": 9876}})",
         R"(f.json:1:26: name_server.port: expected a whole number, got the string "9876")"},
        {R"({"roles": ["broker"], "broker": {"name_servrs": ["a:1"]}})",
         R"(f.json:1:34: broker.name_servrs: unknown key; did you mean "name_servers"?)"},
        {R"({"roles": ["broker"], "brokr": {"name_servers": ["a:1"]}})", R"(f.json:1:23: brokr: unknown key; did you mean "broker"?)"},
        {R"({"broker": {"store": {"segment_size": "16MB"}}})",
         R"(f.json:1:39: broker.store.segment_size: unknown unit "MB"; write MiB (powers of 1024))"},
        {R"({"roles": ["broker"], "broker": 7})", R"(f.json:1:33: broker: expected a section in braces, got the number 7)"},
    });
    config_source source = file_of(R"({"roles": ["broker"]})");
    source.environment = {{"TROUPE_BROKER_NAME_SERVRS", "a:1"}};
    CHECK(mistakes_of(source) ==
          std::vector<std::string>{"TROUPE_BROKER_NAME_SERVRS: unknown environment variable; did you mean TROUPE_BROKER_NAME_SERVERS?"});
}

TEST_CASE("load_config: all mistakes of a file are listed at once, in its order") {
    const auto lines = mistakes_of(file_of(R"({
  "roles": ["brokr"],
  "broker": {
    "prot": 10911,
    "port": 70000,
    "store": {"flush": "snyc", "segment_size": 5}
  },
  "log": 1
})"));
    CHECK(
        lines ==
        std::vector<std::string>{
            R"(f.json:2:13: roles: "brokr" is none of name_server, broker; did you mean "broker"?)",
            R"(f.json:4:5: broker.prot: unknown key; did you mean "port"?)",
            R"(f.json:5:13: broker.port: 70000 is out of range: 0 to 65535)",
            R"(f.json:6:24: broker.store.flush: "snyc" is none of sync, async; did you mean "sync"?)",
            R"(f.json:6:48: broker.store.segment_size: expected a size with a unit, like "1GiB", got the number 5; in bytes that is "5B")",
            R"(f.json:8:10: log: expected a section in braces, got the number 1)",
        });
}

TEST_CASE("load_config: mistakes in environment and flags name the variable and the flag") {
    config_source source;
    source.environment = {{"TROUPE_BROKER_PORT", "many"}, {"TROUPE_BROKER_PROT", "1"}, {"TROUPE_BROKER_ZZZZZZZZZZZZZZZZ", "1"}};
    source.flags = {{"--broker-store-flush", "snyc"}, {"--nonsense", "1"}, {"--roles", ""}, {"--broker-auto-create-topics", "maybe"}};
    CHECK(mistakes_of(source) == std::vector<std::string>{
                                     R"(TROUPE_BROKER_PORT: broker.port: expected a whole number, got "many")",
                                     R"(TROUPE_BROKER_PROT: unknown environment variable; did you mean TROUPE_BROKER_PORT?)",
                                     R"(TROUPE_BROKER_ZZZZZZZZZZZZZZZZ: unknown environment variable)",
                                     R"(--broker-store-flush: broker.store.flush: "snyc" is none of sync, async; did you mean "sync"?)",
                                     R"(--nonsense: unknown flag)",
                                     R"(--roles: roles: must name at least one of name_server, broker)",
                                     R"(--broker-auto-create-topics: broker.auto_create_topics: expected true or false, got "maybe")",
                                 });
}

TEST_CASE("load_config: any byte anywhere in a good file gives a configuration or a message, never a crash") {
    const std::string good = R"({"roles": ["broker"], "broker": {"name_servers": ["a:1"], "port": 7}})";
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            std::string text = good;
            text[at] = static_cast<char>(byte);
            const auto outcome = load_config(file_of(text));
            REQUIRE(outcome.loaded.has_value() == outcome.mistakes.empty());
        }
        REQUIRE_FALSE(load_config(file_of(good.substr(0, at))).loaded.has_value());
    }
}
