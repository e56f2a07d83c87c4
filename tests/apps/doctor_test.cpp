#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "testing/ports.hpp"
#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/apps/run_command.hpp"
#include "tests/support/raw_client.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace troupe;
using namespace troupe::apps;

namespace {

testing::process_node_options standalone(const std::filesystem::path& directory) {
    testing::process_node_options options;
    options.directory = directory;
    options.runs_name_server = true;
    options.runs_broker = true;
    return options;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Looks at this machine for a node with this configuration.
command_result look_at(const testing::temporary_directory& directory, const std::string& configuration) {
    const auto file = directory.path() / "node.json";
    std::ofstream{file} << configuration;
    return run_command("doctor --config " + file.string());
}

} // namespace

TEST_CASE("doctor says what the clients of a running cluster are told, and that it can be reached") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory.path())};
    REQUIRE(node.start().ok());
    const auto said = run_command("doctor --name-server " + node.name_server_address());
    CHECK_MESSAGE(said.code == 0, said.out);
    CHECK_MESSAGE(contains(said.out, "name server " + node.name_server_address()), said.out);
    CHECK_MESSAGE(contains(said.out, "knows brokers broker-a"), said.out);
    CHECK_MESSAGE(contains(said.out, "only clients on this machine can dial that"), said.out);
}

TEST_CASE("doctor names what cannot be reached, and fails") {
    testing::temporary_directory directory;
    auto options = standalone(directory.path());
    const auto dead = testing::free_port();
    options.more_broker_json = "\"advertised_address\": \"localhost:" + std::to_string(dead) + "\"";
    testing::process_node node{options};
    REQUIRE(node.start().ok());
    const auto said = run_command("doctor --timeout 300ms --name-server " + node.name_server_address());
    CHECK(said.code == 1);
    CHECK_MESSAGE(contains(said.out, "clients are told localhost:" + std::to_string(dead) + ", which cannot be reached"), said.out);
    CHECK_MESSAGE(contains(said.out, "set broker.advertised_address"), said.out);
    const auto nobody = run_command("doctor --timeout 300ms --name-server 127.0.0.1:" + std::to_string(dead));
    CHECK(nobody.code == 1);
    CHECK_MESSAGE(contains(nobody.out, "FAILS"), nobody.out);
    const auto nothing = run_command("doctor --name-server ;");
    CHECK(nothing.code == 1);
    CHECK_MESSAGE(contains(nothing.out, "none is given"), nothing.out);
}

TEST_CASE("doctor looks at a machine before a node starts on it") {
    testing::temporary_directory directory;
    const auto store = (directory.path() / "store").string();
    const auto with = [&store](const std::string& more) {
        return R"({"broker": {"store": {"disk_clean_ratio": 0.999, "disk_full_ratio": 1, "directory": ")" + store + R"("})" + more + "}}";
    };
    const auto loopback = look_at(directory, with(""));
    CHECK_MESSAGE(loopback.code == 0, loopback.out);
    CHECK_MESSAGE(contains(loopback.out, "clients are told 127.0.0.1:10911: only those on this machine"), loopback.out);
    const auto wildcard = look_at(directory, with(R"(, "host": "0.0.0.0")"));
    CHECK_MESSAGE(contains(wildcard.out, "by the default route; this machine has"), wildcard.out);
    const auto named = look_at(directory, with(R"(, "host": "0.0.0.0", "advertised_address": "localhost:20911")"));
    CHECK_MESSAGE(contains(named.out, "clients are told localhost:20911"), named.out);
    const auto unknown = look_at(directory, with(R"(, "advertised_address": "no-such-host.invalid:20911")"));
    CHECK(unknown.code == 1);
    CHECK_MESSAGE(contains(unknown.out, "no-such-host.invalid"), unknown.out);
    std::ofstream{store} << "no directory";
    const auto blocked = look_at(directory, with(""));
    CHECK(blocked.code == 1);
    CHECK_MESSAGE(contains(blocked.out, store + " is no directory"), blocked.out);
}

TEST_CASE("a client with its VIP channel on is served two ports below the broker's") {
    testing::temporary_directory directory;
    auto options = standalone(directory.path());
    options.vip_port = true;
    testing::process_node node{options};
    REQUIRE(node.start().ok());
    test_support::raw_client client{static_cast<std::uint16_t>(node.options().broker_port - 2)};
    REQUIRE_MESSAGE(client.is_connected(), node.log_text());
    protocol::remoting_command command;
    command.code = protocol::request_code::get_broker_runtime_info;
    const auto answer = client.ask(command);
    REQUIRE(answer);
    CHECK(answer->code == protocol::response_code::success);
    CHECK(node.stop()->exit_code == 0);
}
