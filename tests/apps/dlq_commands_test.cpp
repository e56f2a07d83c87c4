#include "client/client.hpp"
#include "testing/node.hpp"
#include "tests/apps/run_command.hpp"
#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>

using namespace troupe;
using namespace troupe::apps;
using nlohmann::json;

TEST_CASE("a dead letter says which queue of which topic it came from, how often it was tried and when it was born") {
    testing::node node;
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run_command("topic create orders --queues 4" + at).code == 0);
    const auto via = node.connect();
    client::push_consumer_options options;
    options.group = "billing";
    options.from = client::consume_from::first_offset;
    options.redeliveries_max = 0;
    auto consumer = client::push_consumer::open(*via, options, [](const auto&) { return client::consume_outcome::retry_later; });
    REQUIRE(consumer->subscribe("orders").ok());
    REQUIRE(consumer->start().ok());
    const auto sent = run_command("send orders hello --queue broker-a:3 -o json" + at);
    REQUIRE_MESSAGE(sent.code == 0, sent.err);
    const auto receipt = json::parse(sent.out).at(0);
    command_result shown;
    test_support::await("one dead letter of the group", [&] {
        shown = run_command("dlq show billing -o json" + at);
        return shown.code == 0 && json::parse(shown.out).size() == 1;
    });
    consumer->stop();
    const auto letter = json::parse(shown.out).at(0);
    CHECK(letter.at("queue") == 0);
    CHECK(letter.at("topic") == "orders");
    CHECK(letter.at("origin_broker") == "broker-a");
    CHECK(letter.at("origin_queue") == 3);
    CHECK(letter.at("message_id") == receipt.at("message_id"));
    CHECK(letter.at("tries") == 1);
    CHECK(letter.at("born") > 0);
    const std::string origin = letter.at("origin_message_id");
    const auto original = json::parse(run_command("message show " + origin + " -o json" + at).out);
    CHECK(original.at("queue") == 3);
    CHECK(original.at("born") == letter.at("born"));

    // One that a program put there itself says nothing of this.
    REQUIRE(run_command("send %DLQ%billing strange" + at).code == 0);
    const auto strange = json::parse(run_command("dlq show billing -o json" + at).out).at(1);
    CHECK(strange.at("origin_queue") == -1);
    CHECK(strange.at("origin_broker") == "");
    CHECK(strange.at("topic") == "");
}
