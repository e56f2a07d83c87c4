#include "protocol/connection_bodies.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

namespace {

const std::vector<client_connection> two_connections{{"10.0.0.9@1#2", "10.0.0.9:50123", language::go, 317},
                                                     {"c\"2", "[::1]:7", language::node_js, 479}};

consumer_connections full_consumers() {
    consumer_connections consumers;
    consumers.connections = two_connections;
    consumers.subscriptions = {{"T1", {"T1", "TagA || TagB", "TAG", 17}}, {"T2", {"T2", "a > 1", "SQL92", 18}}};
    consumers.type = consume_type::pop;
    consumers.model = message_model::broadcasting;
    consumers.from = consume_from::timestamp;
    return consumers;
}

/// Each proper prefix of a body must be refused, and so must everything that is no object.
template <class Decode>
void check_refusals(const std::string& body, Decode decode) {
    REQUIRE(decode(body).ok());
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes)
        CHECK(decode(std::string_view{body}.substr(0, bytes)).code() == errc::protocol_error);
    for (const char* wrong : {"null", "[]", "1", "\"x\"", "\xff"})
        CHECK(decode(wrong).code() == errc::protocol_error);
}

} // namespace

TEST_CASE("a heartbeat of the second version comes back with fingerprint and short form") {
    versioned_heartbeat heartbeat;
    heartbeat.data.client_id = "c";
    heartbeat.data.producer_groups = {"PG"};
    heartbeat.data.consumers = {{"CG", consume_type::passively, message_model::clustering, consume_from::first_offset, {}}};
    heartbeat.fingerprint = -1234;
    heartbeat.without_subscriptions = true;
    const auto text = encode_versioned_heartbeat(heartbeat);
    CHECK(decode_versioned_heartbeat(text).value() == heartbeat);
    CHECK(decode_heartbeat(text).value() == heartbeat.data);
    check_refusals(text, decode_versioned_heartbeat);
    // Go knows neither member.
    const auto old = decode_versioned_heartbeat(R"({"clientID":"c","producerDataSet":[],"consumerDataSet":[]})");
    CHECK(old.value() == versioned_heartbeat{{"c", {}, {}}, 0, false});
    CHECK(decode_versioned_heartbeat(R"({"heartbeatFingerprint":2147483648})").code() == errc::protocol_error);
}

TEST_CASE("the connections of a consumer group have the form that tools read") {
    const consumer_connections consumers{{{"c", "10.0.0.9:1", language::java, 479}},
                                         {{"T", {"T", "TagA", "TAG", 5}}},
                                         consume_type::passively,
                                         message_model::clustering,
                                         consume_from::last_offset};
    // Members: those of RocketMQ's ConsumerConnection.
    CHECK(encode_consumer_connections(consumers) ==
          R"({"connectionSet":[{"clientAddr":"10.0.0.9:1","clientId":"c","language":"JAVA","version":479}],)"
          R"("consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING",)"
          R"("subscriptionTable":{"T":{"classFilterMode":false,"codeSet":[2598919],"expressionType":"TAG","subString":"TagA",)"
          R"("subVersion":5,"tagsSet":["TagA"],"topic":"T"}}})");
    for (const auto& each : {consumers, full_consumers(), consumer_connections{}})
        CHECK(decode_consumer_connections(encode_consumer_connections(each)).value() == each);
    check_refusals(encode_consumer_connections(full_consumers()), decode_consumer_connections);
}

TEST_CASE("a language is a name on the wire, and one that nobody knows is another") {
    CHECK(language_name(language::java) == "JAVA");
    CHECK(language_name(language::node_js) == "NODE_JS");
    CHECK(language_name(static_cast<language>(200)) == "OTHER");
    const auto read = [](const std::string& value) {
        return decode_producer_connections(R"({"connectionSet":[{"language":)" + value + "}]}")->at(0).from;
    };
    CHECK(read("\"RUST\"") == language::rust);
    CHECK(read("9") == language::go);
    CHECK(read("\"COBOL\"") == language::other);
    CHECK(read("99") == language::other);
}

TEST_CASE("the connections of a producer group come back") {
    const auto text = encode_producer_connections(two_connections);
    CHECK(text == R"({"connectionSet":[{"clientAddr":"10.0.0.9:50123","clientId":"10.0.0.9@1#2","language":"GO","version":317},)"
                  R"({"clientAddr":"[::1]:7","clientId":"c\"2","language":"NODE_JS","version":479}]})");
    CHECK(decode_producer_connections(text).value() == two_connections);
    check_refusals(text, decode_producer_connections);
}

TEST_CASE("the table of all producers has Java's addresses, with a slash in front") {
    const producer_table table{{"PG", {{two_connections[0], 1'700'000'000'000}}}, {"PG2", {{two_connections[1], 5}}}};
    const auto text = encode_producer_table(table);
    CHECK(text.find(R"("PG":[{"clientId":"10.0.0.9@1#2","language":"GO","lastUpdateTimestamp":1700000000000,)"
                    R"("remoteIP":"/10.0.0.9:50123","version":317}])") != std::string::npos);
    CHECK(decode_producer_table(text).value() == table);
    CHECK(encode_producer_table({}) == R"({"data":{}})");
    check_refusals(text, decode_producer_table);
}

TEST_CASE("lists of groups and topics, and one subscription, come back") {
    const std::vector<std::string> names{"a", "b\"", "中"};
    CHECK(decode_group_names(encode_group_names(names)).value() == names);
    CHECK(encode_group_names({"a"}) == R"({"groupList":["a"]})");
    check_refusals(encode_group_names(names), decode_group_names);
    CHECK(encode_topics_of_broker({"T"}, "10.0.0.1:10911") == R"({"brokerAddr":"10.0.0.1:10911","topicList":["T"]})");
    CHECK(decode_topic_list(encode_topics_of_broker(names, "x")).value() == names);

    const group_subscription found{"G", "T", subscription_data{"T", "TagA", "TAG", 9}};
    CHECK(decode_group_subscription(encode_group_subscription(found)).value() == found);
    const group_subscription none{"G", "T", {}};
    CHECK(encode_group_subscription(none) == R"({"group":"G","topic":"T"})");
    CHECK(decode_group_subscription(encode_group_subscription(none)).value() == none);
    CHECK(decode_group_subscription(R"({"group":"G","subscriptionData":null})")->subscription == std::nullopt);
    check_refusals(encode_group_subscription(found), decode_group_subscription);
}

TEST_CASE("offsets have their queues in the place of keys") {
    const queue_offsets offsets{{{"T", "broker-a", 1}, 13}, {{"U", "b", 0}, -1}};
    // Vector: RocketMQ's ResetOffsetBody.
    CHECK(encode_reset_offsets({{{"T", "broker-a", 1}, 13}}) ==
          R"({"offsetTable":{{"brokerName":"broker-a","queueId":1,"topic":"T"}:13}})");
    CHECK(decode_reset_offsets(encode_reset_offsets(offsets)).value() == offsets);
    check_refusals(encode_reset_offsets(offsets), decode_reset_offsets);
    // Vector: RocketMQ's ResetOffsetBodyForC.
    const std::string list = R"({"offsetTable":[{"brokerName":"broker-a","offset":13,"queueId":1,"topic":"T"},)"
                             R"({"brokerName":"b","offset":-1,"queueId":0,"topic":"U"}]})";
    CHECK(decode_reset_offsets(list).value() == offsets);
    check_refusals(list, decode_reset_offsets);

    const consumer_status status{{{"c1", offsets}, {"c2", {}}}, {{{"T", "b", 2}, 7}}};
    CHECK(decode_consumer_status(encode_consumer_status(status)).value() == status);
    CHECK(encode_consumer_status({}) == R"({"consumerTable":{},"messageQueueTable":{}})");
    check_refusals(encode_consumer_status(status), decode_consumer_status);
    const auto of_client = decode_consumer_status(R"({"messageQueueTable":{{"topic":"T","brokerName":"b","queueId":2}:7}})");
    CHECK(of_client->own == queue_offsets{{{"T", "b", 2}, 7}});
}
