#include "testing/ports.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/scenario/load.hpp"
#include "tests/scenario/program.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <set>

using namespace troupe;

namespace {

constexpr std::chrono::seconds patience{30};

std::string shipped(const std::string& name) {
    return TROUPE_SOURCE_DIRECTORY "/config/cluster/" + name + ".json";
}

std::string text(std::uint16_t port) {
    return std::to_string(port);
}

} // namespace

// Goal: the files under config/cluster/ are what the README says: two name servers and two brokers, started in any order.
// How:  each as it is, but for ports: by environment, by flag, and by a flag over an environment variable that is wrong.
TEST_CASE("the four files of the shipped cluster make a cluster") {
    const testing::temporary_directory directory{"troupe-shipped"};
    std::array<std::uint16_t, 4> ports{};
    for (auto& each : ports) {
        each = testing::free_port();
    }
    const auto [first_port, second_port, a_port, b_port] = ports;
    const std::string name_servers = "127.0.0.1:" + text(first_port) + ",127.0.0.1:" + text(second_port);
    const auto start = [&directory](const std::string& name, std::vector<std::string> flags,
                                    std::map<std::string, std::string> environment) {
        scenario::program_options options;
        options.arguments = {"node", "--config", shipped(name)};
        options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
        options.environment = std::move(environment);
        options.directory = directory.path() / name; // the files name their stores relative to it
        return std::make_unique<scenario::program>(std::move(options));
    };
    std::vector<std::unique_ptr<scenario::program>> nodes;
    nodes.push_back(start("broker-b", {"--broker-name-servers", name_servers}, {{"TROUPE_BROKER_PORT", text(b_port)}}));
    nodes.push_back(start("broker-a", {"--broker-port", text(a_port)},
                          {{"TROUPE_BROKER_PORT", text(b_port)}, {"TROUPE_BROKER_NAME_SERVERS", name_servers}}));
    nodes.push_back(start("name-server-2", {"--name-server-port", text(second_port)}, {}));
    nodes.push_back(start("name-server-1", {}, {{"TROUPE_NAME_SERVER_PORT", text(first_port)}}));

    client::client_options options;
    options.name_servers = "127.0.0.1:" + text(first_port) + ";127.0.0.1:" + text(second_port);
    options.route_refresh = std::chrono::milliseconds{500};
    auto via = client::connection::open(options);
    REQUIRE(via.ok());
    const bool together = scenario::eventually(patience, [&] {
        const auto known = client::admin{*via}.describe_cluster();
        return known.ok() && known->brokers.contains("broker-a") && known->brokers.contains("broker-b");
    });
    for (const auto& each : nodes) {
        INFO(each->output());
        REQUIRE(each->running());
        REQUIRE(together);
    }
    topic_config topic;
    topic.name = "shipped";
    topic.read_queues = topic.write_queues = 2;
    REQUIRE(scenario::eventually(patience, [&] { return client::admin{*via}.put_topic(topic).ok(); }));

    testing::history notes;
    std::set<std::string> brokers;
    auto producer = client::producer::open(*via, {});
    REQUIRE(producer.ok());
    for (int i = 0; i < 100; ++i) {
        const auto id = "0-" + std::to_string(i);
        client::message message;
        message.topic = "shipped";
        message.body = id + ".";
        notes.sending(id);
        const auto receipt = producer->send(std::move(message));
        REQUIRE_MESSAGE(receipt.ok(), (receipt.ok() ? "" : to_string(receipt.failure())));
        notes.acknowledged(id, {scenario::to_text(receipt->queue), receipt->offset.value()}, receipt->attempts);
        brokers.insert(receipt->queue.broker_name);
    }
    CHECK(brokers == std::set<std::string>{"broker-a", "broker-b"});
    const auto found = scenario::read_everything(*via, "shipped", notes, patience);
    CHECK(found.messages >= 100);
    CHECK(found.unread.empty());
    CHECK(found.gaps.empty());
    const auto verdict = testing::check(notes);
    CHECK_MESSAGE(verdict.good(), to_string(verdict));

    for (const auto& each : nodes) {
        const auto end = each->stop();
        INFO(each->output());
        CHECK(end.exit_code == 0);
    }
    CHECK(std::filesystem::exists(directory.path() / "broker-a/data/cluster/broker-a/commitlog"));
    CHECK(std::filesystem::exists(directory.path() / "broker-b/data/cluster/broker-b/commitlog"));
}
