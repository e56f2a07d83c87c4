// The program as a process: what only a process has (exit codes, signals, streams).
#include "client/client.hpp"
#include "testing/cluster.hpp"
#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/support/eventually.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

using namespace troupe;

namespace {

struct ended {
    int code = 0;
    std::string output; ///< both streams
};

ended run(const std::string& arguments) {
    const char* binary = std::getenv("TROUPE_BINARY");
    REQUIRE_MESSAGE(binary != nullptr, "ctest sets TROUPE_BINARY");
    std::FILE* pipe = ::popen((std::string{binary} + " " + arguments + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    ended result;
    std::array<char, 4096> buffer{};
    for (std::size_t bytes = 0; (bytes = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
        result.output.append(buffer.data(), bytes);
    const int status = ::pclose(pipe);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

testing::process_node_options standalone(const testing::temporary_directory& directory) {
    testing::process_node_options options;
    options.directory = directory.path() / "node";
    options.runs_name_server = true;
    options.runs_broker = true;
    return options;
}

} // namespace

TEST_CASE("the program returns the exit codes of its help") {
    CHECK(run("--version").code == 0);
    CHECK(run("topci").code == 2);
    CHECK(run("config check no/such.json").code == 3);
    CHECK(run("config explain no.such").code == 5);
    CHECK(run("topci").output == "troupe: unknown command \"topci\"; did you mean \"topic\"?\nTry \"troupe --help\".\n");
}

TEST_CASE("a first session: a topic is made, written, read, followed by a group, and gone again") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory)};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();

    CHECK(run("topic create orders --queues 2" + at).output == "Created topic orders: 2 read queues, 2 write queues, permission rw.\n");
    CHECK(run("topic create orders" + at).code == 7);
    CHECK(run("topic list" + at).output == "TOPIC\norders\n");
    CHECK(run("send orders hello --queue broker-a:1" + at).code == 0);
    CHECK(run("send orders again --queue broker-a:1 --tag late" + at).code == 0);
    CHECK(run("consume orders --body-only" + at).output == "hello\nagain\n");
    CHECK(run("consume orders --body-only --from offset:1 --count 1" + at).output == "again\n");
    CHECK(run("consume orders --body-only --filter late" + at).output == "again\n");
    CHECK(run("consume orders --body-only --sql \"TAGS = 'late' AND colour IS NULL\"" + at).output == "again\n");
    CHECK(run("consume orders --body-only --sql 'TAGS IS NULL' --group chosen" + at).output == "hello\n");
    CHECK(run("consume orders --body-only --sql 'colour IS NOT NULL'" + at).output.empty());
    CHECK(run("consume orders --body-only --group billing --count 1" + at).output == "hello\n");
    CHECK(run("consume orders --body-only --group billing" + at).output == "again\n");
    CHECK(run("consume orders --body-only --group billing" + at).output.empty());
    const auto groups = nlohmann::json::parse(run("group list -o json" + at).output);
    REQUIRE(groups.size() == 2);
    CHECK(groups.at(0).at("group") == "billing");
    CHECK(groups.at(0).at("slow") == false);
    CHECK(groups.at(1).at("group") == "chosen");
    CHECK(run("group list" + at).output.starts_with("GROUP"));
    CHECK(run("group update billing --deliver-rate 500" + at).output == "Updated group billing on broker-a: deliver_rate 0 -> 500.\n");
    const auto moved = nlohmann::json::parse(run("group reset billing orders --to first -o json" + at).output);
    REQUIRE(moved.size() == 2);
    CHECK(moved.at(1) == nlohmann::json{{"broker", "broker-a"}, {"queue", 1}, {"from", 2}, {"to", 0}});
    CHECK(run("consume orders --body-only --group billing" + at).output == "hello\nagain\n");
    CHECK(run("group reset billing orders --queue broker-a:1 --to offset:1" + at).code == 0);
    CHECK(run("consume orders --body-only --group billing" + at).output == "again\n");
    CHECK(run("group reset billing orders --to offset:1" + at).code == 2);
    CHECK(run("group reset billing orders --queue broker-a:1 --to offset:3" + at).code == 2);
    CHECK(run("group reset nobody orders --to last" + at).code == 5);
    CHECK(run("group reset billing nothing --to last" + at).code == 5);
    CHECK(run("group update nobody --deliver-rate 500" + at).code == 5);
    CHECK(run("group update billing" + at).code == 2);
    CHECK(run("topic update orders --send-rate 1000 --send-bytes 4MiB" + at).code == 0);
    CHECK(nlohmann::json::parse(run("topic show orders -o json" + at).output).at("brokers").at(0).at("attributes") ==
          nlohmann::json{{"quota.send.bytes", "4194304"}, {"quota.send.messages", "1000"}});
    CHECK(run("topic update orders --queues 3" + at).output ==
          "Updated topic orders on broker-a: 3 read queues, 3 write queues, permission rw.\n");
    CHECK(run("topic delete orders --yes" + at).output == "Deleted topic orders.\n");
    CHECK(run("topic show orders" + at).code == 5);
    CHECK(run("send nowhere hello" + at).code == 5);
    CHECK(node.stop().ok());
}

TEST_CASE("a message is found by its offset id, its unique key and its keys") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory)};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run("topic create orders --queues 2" + at).code == 0);
    const auto sent = run("send orders hello --queue broker-a:1 --tag late --key k1 --key k2 --property colour=blue -o json" + at);
    REQUIRE_MESSAGE(sent.code == 0, sent.output);
    REQUIRE(run("send orders again --queue broker-a:0 --key k2" + at).code == 0);
    const std::string id = nlohmann::json::parse(sent.output).at(0).at("message_id");

    ended found;
    const auto both_are_indexed = [&] { // a moment after they are stored
        found = run("message find --topic orders --key k2 -o json" + at);
        return found.code == 0 && nlohmann::json::parse(found.output).size() == 2;
    };
    CAPTURE(found.output);
    test_support::await("both messages in the index of keys", both_are_indexed);
    const auto rows = nlohmann::json::parse(found.output);
    CHECK(rows.at(0).at("body") == "again");
    CHECK(rows.at(1).at("message_id") == id);
    CHECK(rows.at(1).at("keys") == "k1 k2");
    CHECK(nlohmann::json::parse(run("message find -t orders -k k2 --count 1 -o json" + at).output).size() == 1);
    const auto none = run("message find -t orders -k k2 --since 2100-01-01" + at);
    CHECK(none.code == 5);
    CHECK(none.output.find("no message with key k2") != std::string::npos);

    const std::int64_t later = rows.at(0).at("stored"); // a key in two messages: the range of times tells them apart
    const std::int64_t earlier = rows.at(1).at("stored");
    const auto in_range = [&at](std::int64_t since, std::int64_t until) {
        const auto between =
            run("message find -t orders -k k2 -o json --since " + std::to_string(since) + " --until " + std::to_string(until) + at);
        return between.code == 0 ? nlohmann::json::parse(between.output).size() : 0;
    };
    CHECK(in_range(earlier, later) == 2);
    CHECK(in_range(earlier, earlier) == (earlier == later ? 2 : 1));
    CHECK(in_range(later, later) == (earlier == later ? 2 : 1));
    CHECK(in_range(later + 1, later + 2) == 0);
    CHECK(in_range(0, earlier - 1) == 0);
    const auto full = run("message find -t orders -k k2 --count 1" + at);
    CHECK(full.output.find("there may be older ones than these 1: --until " + std::to_string(later)) != std::string::npos);

    const auto by_key = run("message show " + id + " --topic orders -o json" + at);
    REQUIRE_MESSAGE(by_key.code == 0, by_key.output);
    const auto shown = nlohmann::json::parse(by_key.output);
    CHECK(shown.at("broker") == "broker-a");
    CHECK(shown.at("queue") == 1);
    CHECK(shown.at("offset") == 0);
    CHECK(shown.at("message_id") == id);
    CHECK(shown.at("tags") == "late");
    CHECK(shown.at("properties") == nlohmann::json{{"colour", "blue"}});
    CHECK(shown.at("body") == "hello");
    const std::string offset_id = shown.at("offset_message_id");
    CHECK(run("message show " + offset_id + " -o json" + at).output == by_key.output);
    CHECK(run("message show " + offset_id + " --body-only" + at).output == "hello\n");

    CHECK(run("consume orders --body-only --group billing" + at).code == 0);
    const auto traced = run("message trace " + id + " --topic orders -o json" + at);
    REQUIRE_MESSAGE(traced.code == 0, traced.output);
    const auto way = nlohmann::json::parse(traced.output);
    CHECK(way.at("message_id") == id);
    CHECK(way.at("indexed") == true);
    CHECK(way.at("copies").size() == 1);
    REQUIRE(way.at("deliveries").size() == 1);
    CHECK(way.at("deliveries").at(0).at("group") == "billing");
    CHECK(way.at("deliveries").at(0).at("certain") == true);
    REQUIRE(way.at("acknowledgements").size() == 1);
    CHECK(way.at("acknowledgements").at(0).at("acknowledged") == true);
    CHECK(run("message trace " + id + at).code == 2);

    const auto unnamed = run("message show " + id + at);
    CHECK(unnamed.code == 2);
    CHECK(unnamed.output.find("--topic") != std::string::npos);
    CHECK(run("message show 7F00000100002A9F0000000000FFFFFF" + at).code == 5);
    CHECK(run("message show nonsense" + at).code == 2);
    CHECK(node.stop().ok());
}

TEST_CASE("a message for a certain time is listed, shown, cancelled and delivered") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory)};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run("topic create reminders --queues 1" + at).code == 0);
    const auto sent = run("send reminders tomorrow --delay 24h --tag t -o json" + at);
    REQUIRE_MESSAGE(sent.code == 0, sent.output);
    const auto receipt = nlohmann::json::parse(sent.output).at(0);
    const std::string id = receipt.at("message_id");
    CHECK_FALSE(receipt.at("recall_handle").get<std::string>().empty());
    REQUIRE(run("send reminders over --deliver-at 2020-01-01" + at).code == 0);
    REQUIRE(run("send reminders soon --delay 200ms" + at).code == 0);
    CHECK(run("send reminders never --deliver-at 2999-01-01" + at).code == 8);
    CHECK(run("send reminders twice --delay 1s --delay-level 1" + at).code == 2);
    CHECK(run("send reminders when --deliver-at noon" + at).code == 2);

    const auto listed = run("timer list --topic reminders -o json" + at);
    REQUIRE_MESSAGE(listed.code == 0, listed.output);
    const auto rows = nlohmann::json::parse(listed.output);
    REQUIRE_FALSE(rows.empty());
    CHECK(rows.back().at("message_id") == id);
    CHECK(rows.back().at("topic") == "reminders");
    CHECK(rows.back().at("tags") == "t");
    CHECK(run("timer list --topic others" + at).output == "(none)\n");
    const auto shown = run("timer show " + id + " --topic reminders -o json" + at);
    REQUIRE_MESSAGE(shown.code == 0, shown.output);
    CHECK(nlohmann::json::parse(shown.output).at("body") == "tomorrow");
    CHECK(run("timer show " + id + " --topic reminders --body-only" + at).output == "tomorrow\n");
    CHECK(run("timer cancel " + id + " --topic reminders" + at).code == 0);
    CHECK(run("timer cancel " + id + " --topic reminders" + at).code == 5);
    CHECK(run("timer show " + id + " --topic reminders" + at).code == 5);
    const auto both_are_there = [&] { return run("consume reminders --body-only" + at).output == "over\nsoon\n"; };
    test_support::await("the two messages that are due by now", both_are_there);
    CHECK(node.stop().ok());
}

TEST_CASE("dead letters are listed, shown and resent to their group alone") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory)};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    CHECK(run("dlq list" + at).output == "There are no dead letters.\n");
    REQUIRE(run("topic create orders --queues 1" + at).code == 0);
    REQUIRE(run("consume orders --group billing" + at).code == 0); // which makes the group
    REQUIRE(run("topic create %DLQ%billing --queues 1" + at).code == 0);
    const auto sent = run("send %DLQ%billing first --tag late -o json" + at);
    REQUIRE_MESSAGE(sent.code == 0, sent.output);
    REQUIRE(run("send %DLQ%billing second" + at).code == 0);

    const auto listed = nlohmann::json::parse(run("dlq list -o json" + at).output);
    REQUIRE(listed.size() == 1);
    CHECK(listed.at(0).at("group") == "billing");
    CHECK(listed.at(0).at("messages") == 2);
    CHECK(listed.at(0).at("not_resent") == 2);
    CHECK(run("dlq list others -o json" + at).output == "[]\n");
    const auto shown = nlohmann::json::parse(run("dlq show billing -o json" + at).output);
    REQUIRE(shown.size() == 2);
    CHECK(shown.at(0).at("body") == "first");
    CHECK(shown.at(0).at("tags") == "late");
    CHECK(shown.at(0).at("message_id") == nlohmann::json::parse(sent.output).at(0).at("message_id"));
    CHECK(nlohmann::json::parse(run("dlq show billing --from 1 -o json" + at).output).at(0).at("body") == "second");
    CHECK(nlohmann::json::parse(run("dlq show billing --limit 1 -o json" + at).output).size() == 1);

    CHECK(run("dlq resend billing" + at).code == 2);
    CHECK(run("dlq resend billing --all --id x --yes" + at).code == 2);
    const auto unsure = run("dlq resend billing --all" + at);
    CHECK(unsure.code == 2);
    CHECK(unsure.output.find("--yes") != std::string::npos);
    CHECK(run("dlq resend billing --all --limit 1 --yes" + at).output == "Group billing gets 1 dead letters again; 1 are left.\n");
    CHECK(nlohmann::json::parse(run("dlq resend billing --all --yes -o json" + at).output).at("resent") == 1);
    CHECK(nlohmann::json::parse(run("dlq resend billing --all --yes -o json" + at).output).at("resent") == 0);
    const std::string id = shown.at(1).at("id");
    CHECK(nlohmann::json::parse(run("dlq resend billing --id " + id + " -o json" + at).output).at("id") == id);
    CHECK(run("dlq resend billing --id 7F00000100002A9F0000000000FFFFFF" + at).code == 5);
    CHECK(run("consume %RETRY%billing --body-only" + at).output == "first\nsecond\nsecond\n");
    CHECK(run("consume orders --body-only" + at).output.empty());
    CHECK(node.stop().ok());
}

TEST_CASE("a transaction that was given up is listed, resumed and committed by commands") {
    testing::temporary_directory directory;
    auto options = standalone(directory);
    options.more_broker_json = R"("transaction": {"timeout": "100ms", "check_interval": "100ms", "checks_max": 1})";
    testing::process_node node{options};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run("topic create orders --queues 1" + at).code == 0);
    CHECK(run("transaction list --given-up" + at).output == "No transaction was given up, or all of those were resumed.\n");
    std::string half;
    {
        client::client_options via;
        via.name_servers = node.name_server_address();
        const auto connection = client::connection::open(via);
        REQUIRE(connection.ok());
        client::transaction_producer_options sending;
        sending.sending.group = "payers";
        sending.topics = {"orders"};
        auto producer = client::transaction_producer::open(
            *connection, [](const client::received_message&) { return client::transaction_outcome::unknown; }, sending);
        REQUIRE(producer.ok());
        client::message late;
        late.topic = "orders";
        late.body = "late";
        const auto sent = producer->send(late, [](const client::send_receipt&) { return client::transaction_outcome::unknown; });
        REQUIRE(sent.ok());
        half = sent->half.offset_message_id;
        test_support::await("one transaction that was given up",
                            [&] { return nlohmann::json::parse(run("transaction list --given-up -o json" + at).output).size() == 1; });
    } // nobody is there to be asked any more
    const auto listed = nlohmann::json::parse(run("transaction list --given-up --group payers -o json" + at).output);
    REQUIRE(listed.size() == 1);
    CHECK(listed.at(0).at("topic") == "orders");
    CHECK(listed.at(0).at("group") == "payers");
    CHECK(run("transaction list --given-up --group others -o json" + at).output == "[]\n");
    CHECK(run("transaction commit " + half + at).code == 5);
    const auto resumed = run("transaction resume " + listed.at(0).at("id").get<std::string>() + " -o json" + at);
    REQUIRE_MESSAGE(resumed.code == 0, resumed.output);
    CHECK(run("transaction resume " + half + " -o json" + at).output == resumed.output);
    CHECK(run("transaction list --given-up -o json" + at).output == "[]\n");
    const std::string id = nlohmann::json::parse(resumed.output).at("id");
    CHECK(nlohmann::json::parse(run("transaction list -o json" + at).output).at(0).at("id") == id);
    CHECK(run("transaction commit " + id + at).code == 0);
    CHECK(run("consume orders --body-only" + at).output == "late\n");
    CHECK(run("transaction resume 7F00000100002A9F0000000000FFFFFF" + at).code == 5);
    CHECK(run("transaction resume nonsense" + at).code == 2);
    CHECK(node.stop().ok());
}

TEST_CASE("the self-test passes on a standalone node, twice, and finds its first run's messages") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory)};
    REQUIRE(node.start().ok());
    const std::string line =
        "selftest --file " TROUPE_SOURCE_DIRECTORY "/CMakeLists.txt -o json --name-server " + node.name_server_address();
    const auto first = run(line);
    CHECK_MESSAGE(first.code == 0, first.output);
    CHECK(first.output.find("\"found_from_earlier_runs\": 0,") != std::string::npos);
    REQUIRE(node.stop().ok());
    REQUIRE(node.start().ok());
    const auto second = run(line);
    CHECK_MESSAGE(second.code == 0, second.output);
    CHECK(second.output.find("\"found_from_earlier_runs\": 0,") == std::string::npos);
    REQUIRE(node.stop().ok());
    const auto verified = run("store verify " + node.store_directory().string());
    CHECK_MESSAGE(verified.code == 0, verified.output);
}

TEST_CASE("a topic of different shapes on two brokers is changed without making them alike") {
    testing::cluster_options options;
    options.brokers = 2;
    testing::cluster cluster{options};
    REQUIRE(cluster.start().ok());
    const std::string at = " --name-server " + cluster.name_server_addresses();
    const auto create = [&at](const std::string& rest) { return run("topic create orders " + rest + at).code == 0; };
    test_support::await("broker-a, to make its topic", [&create] { return create("--queues 2 --broker broker-a"); });
    test_support::await("broker-b, to make its topic", [&create] { return create("--queues 4 --broker broker-b"); });

    CHECK(run("topic update orders --perm r" + at).output ==
          "Updated topic orders on broker-a: 2 read queues, 2 write queues, permission r.\n"
          "Updated topic orders on broker-b: 4 read queues, 4 write queues, permission r.\n");
    CHECK(run("topic update orders --queues 8 --broker broker-b" + at).output ==
          "Updated topic orders on broker-b: 8 read queues, 8 write queues, permission r.\n");
    const auto shown = run("topic show orders -o json" + at);
    REQUIRE(shown.code == 0);
    const auto brokers = nlohmann::json::parse(shown.output)["brokers"];
    REQUIRE(brokers.size() == 2);
    CHECK(brokers[0]["read_queues"] == 2);
    CHECK(brokers[1]["read_queues"] == 8);
    const auto refused = run("topic update orders --queues 8 --broker broker-c" + at);
    CHECK(refused.code == 5);
    CHECK(refused.output == "troupe: broker broker-c has no topic orders; `troupe topic show orders` lists those that do\n");
}

TEST_CASE("messages in JSON have their properties, and a body that is no text comes in base64") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory)};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run("topic create orders --queues 1" + at).code == 0);
    REQUIRE(run("send orders plain --property colour=blue --tag late" + at).code == 0);
    const auto file = directory.path() / "bytes";
    std::ofstream{file, std::ios::binary} << std::string{"\xff\x00\xfe", 3};
    REQUIRE(run("send orders --file " + file.string() + at).code == 0);
    const auto shown = run("consume orders -o json" + at);
    REQUIRE(shown.code == 0);
    const auto end = shown.output.find('\n');
    const auto text = nlohmann::json::parse(shown.output.substr(0, end));
    CHECK(text["properties"]["colour"] == "blue");
    CHECK_FALSE(text["properties"].contains("TAGS"));
    CHECK(text["body_encoding"] == "utf-8");
    CHECK(text["body"] == "plain");
    const auto bytes = nlohmann::json::parse(shown.output.substr(end + 1));
    CHECK(bytes["body_encoding"] == "base64");
    CHECK(bytes["body"] == "/wD+");
}

TEST_CASE("a group's messages that could not be printed come again") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory)};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();
    REQUIRE(run("topic create orders --queues 1" + at).code == 0);
    REQUIRE(run("send orders hello" + at).code == 0);
    for (const std::string how : {"", " --count 1", " --follow --from first"}) {
        CAPTURE(how);
        const auto full = run("consume orders --group billing" + how + at + " 2>&1 >/dev/full; echo ended $?; true");
        CHECK(full.output == "troupe: standard output takes no more: it is closed, or its disk is full; what was not printed was not "
                             "committed, and comes again\nended 1\n");
    }
    CHECK(run("consume orders --group billing --body-only" + at).output == "hello\n");
}
