#include "protocol/bodies.hpp"

#include "protocol/checksum.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::protocol;

namespace {

const topic_route route_of_two{{{"DefaultCluster", "broker-a", {{0, "10.0.0.1:10911"}, {1, "10.0.0.2:10911"}}}},
                               {{"broker-a", 4, 4, 6, 0}}};

// Vector: RocketMQ's TopicRouteData, as standard JSON.
const std::string standard_route =
    R"({"brokerDatas":[{"brokerAddrs":{"0":"10.0.0.1:10911","1":"10.0.0.2:10911"},"brokerName":"broker-a","cluster":"DefaultCluster",)"
    R"("enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,)"
    R"("topicSysFlag":0,"writeQueueNums":4}]})";

// Vector: RocketMQ's HeartbeatData.
const std::string java_heartbeat =
    R"({"clientID":"10.0.0.9@1#2","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY",)"
    R"("groupName":"CG","messageModel":"CLUSTERING","subscriptionDataSet":[{"classFilterMode":false,"codeSet":[2598919,2598920],)"
    R"("expressionType":"TAG","subString":"TagA || TagB","subVersion":1700000000000,"tagsSet":["TagA","TagB"],"topic":"TopicTest"}],)"
    R"("unitMode":false}],"heartbeatFingerprint":0,"producerDataSet":[{"groupName":"PG"}],"withoutSub":false})";

heartbeat_data java_heartbeat_data() {
    return {"10.0.0.9@1#2",
            {"PG"},
            {{"CG",
              consume_type::passively,
              message_model::clustering,
              consume_from::last_offset,
              {{"TopicTest", "TagA || TagB", "TAG", 1700000000000}}}}};
}

/// Each proper prefix of a body must be refused.
template <class Decode>
void check_truncations(const std::string& body, Decode decode) {
    REQUIRE(decode(body).ok());
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes)
        CHECK(decode(std::string_view{body}.substr(0, bytes)).code() == errc::protocol_error);
}

} // namespace

TEST_CASE("a route has the standard form that every client reads") {
    CHECK(encode_topic_route(route_of_two) == standard_route);
    CHECK(decode_topic_route(standard_route).value() == route_of_two);
    check_truncations(standard_route, decode_topic_route);
}

TEST_CASE("a route in Java's old form, with bare keys and more members, is read") {
    const auto route = decode_topic_route(
        R"({"brokerDatas":[{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"},"brokerName":"broker-a","cluster":"DefaultCluster","zoneName":"z"}],)"
        R"("filterServerTable":{},"orderTopicConf":"broker-a:4","queueDatas":[{"brokerName":"broker-a","perm":"6","readQueueNums":4,)"
        R"("writeQueueNums":4,"topicSynFlag":0}],"topicQueueMappingByBroker":{"broker-a":{"currIdMap":{0:0}}}})");
    REQUIRE(route.ok());
    CHECK(*route == route_of_two);
    CHECK(decode_topic_route("{}").value() == topic_route{});
    CHECK(encode_topic_route({}) == R"({"brokerDatas":[],"filterServerTable":{},"queueDatas":[]})");
}

TEST_CASE("a route whose numbers no reader could use is refused") {
    for (const char* wrong : {R"({"queueDatas":[{"readQueueNums":2147483647}]})", R"({"queueDatas":[{"writeQueueNums":-1}]})",
                              R"({"queueDatas":[{"perm":"x"}]})", R"({"brokerDatas":[{"brokerAddrs":{"zero":"a:1"}}]})",
                              R"({"queueDatas":{}})", R"({"brokerDatas":[{"$ref":"$.brokerDatas[0]"}]})"})
        CHECK_MESSAGE(decode_topic_route(wrong).code() == errc::protocol_error, wrong);
}

TEST_CASE("cluster info has the form tools read, with both tables always there") {
    // Vector: RocketMQ's ClusterInfo.
    const std::string text =
        R"({"brokerAddrTable":{"b1":{"brokerAddrs":{"0":"10.0.0.1:10911"},"brokerName":"b1","cluster":"c","enableActingMaster":false}},)"
        R"("clusterAddrTable":{"c":["b1"]}})";
    const cluster_info info{{{"b1", {"c", "b1", {{0, "10.0.0.1:10911"}}}}}, {{"c", {"b1"}}}};
    CHECK(encode_cluster_info(info) == text);
    CHECK(decode_cluster_info(text).value() == info);
    CHECK(encode_cluster_info({}) == R"({"brokerAddrTable":{},"clusterAddrTable":{}})");
    check_truncations(text, decode_cluster_info);
}

TEST_CASE("lists of topics and of consumers come back, empty ones too") {
    CHECK(encode_topic_list({"a", "%RETRY%g"}) == R"({"topicList":["a","%RETRY%g"]})");
    CHECK(decode_topic_list(R"({"brokerAddr":"x:1","topicList":["a","%RETRY%g"]})").value() == std::vector<std::string>{"a", "%RETRY%g"});
    CHECK(decode_topic_list(encode_topic_list({})).value().empty());
    // Vector: RocketMQ's GetConsumerListByGroupResponseBody.
    CHECK(encode_consumer_ids({"id1", "id2"}) == R"({"consumerIdList":["id1","id2"]})");
    CHECK(decode_consumer_ids(R"({"consumerIdList":["id1","id2"]})").value() == std::vector<std::string>{"id1", "id2"});
    CHECK(decode_consumer_ids(R"({"consumerIdList":null})").value().empty());
    check_truncations(encode_topic_list({"a", "b"}), decode_topic_list);
    check_truncations(encode_consumer_ids({"a", "b"}), decode_consumer_ids);
}

TEST_CASE("a heartbeat has Java's text") {
    CHECK(encode_heartbeat(java_heartbeat_data()) == java_heartbeat);
    CHECK(decode_heartbeat(java_heartbeat).value() == java_heartbeat_data());
    check_truncations(java_heartbeat, decode_heartbeat);
}

TEST_CASE("a heartbeat comes back with every field other than its default") {
    heartbeat_data heartbeat = java_heartbeat_data();
    heartbeat.producer_groups = {"P1", "P2"};
    auto& consumer = heartbeat.consumers.front();
    for (const auto from : {consume_from::first_offset, consume_from::timestamp, consume_from::last_offset})
        for (const auto type : {consume_type::actively, consume_type::pop, consume_type::passively}) {
            consumer.from = from;
            consumer.type = type;
            consumer.model = message_model::broadcasting;
            consumer.subscriptions = {{"T1", "a > 1 AND b = 'x'", "SQL92", 17}, {"T2", "*", "TAG", 18}};
            CHECK(decode_heartbeat(encode_heartbeat(heartbeat)).value() == heartbeat);
        }
    const auto json = nlohmann::json::parse(encode_heartbeat(heartbeat));
    for (const auto& subscription : json["consumerDataSet"][0]["subscriptionDataSet"]) {
        CHECK(subscription["tagsSet"].empty());
        CHECK(subscription["codeSet"].empty());
    }
}

TEST_CASE("heartbeats of C++ and Go clients are read: ordinals, numbers as strings, members missing") {
    const auto cpp = decode_heartbeat(
        R"({"clientID":"c","consumerDataSet":[{"consumeFromWhere":4,"consumeType":0,"groupName":"CG","messageModel":0,)"
        R"("subscriptionDataSet":[{"codeSet":["0"],"subString":"TagA","subVersion":"1700000000000","topic":"T"}]}],"producerDataSet":[]})");
    REQUIRE(cpp.ok());
    const auto& consumer = cpp->consumers.at(0);
    CHECK(consumer.from == consume_from::first_offset);
    CHECK(consumer.type == consume_type::actively);
    CHECK(consumer.model == message_model::broadcasting);
    CHECK(consumer.subscriptions.at(0) == subscription_data{"T", "TagA", "TAG", 1700000000000});
    const auto odd = decode_heartbeat(
        R"({"clientID":"c","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_MIN_OFFSET","consumeType":"CONSUME_SOMEHOW","messageModel":7,)"
        R"("groupName":"CG","subscriptionDataSet":[{"topic":"T","subString":"","expressionType":null}]}]})");
    REQUIRE(odd.ok());
    CHECK(odd->consumers.at(0).from == consume_from::last_offset);
    CHECK(odd->consumers.at(0).type == consume_type::passively);
    CHECK(odd->consumers.at(0).model == message_model::clustering);
    CHECK(odd->consumers.at(0).subscriptions.at(0) == subscription_data{"T", "*", "TAG", 0});
}

TEST_CASE("statistics have their queues in the place of keys, as only that form is read by every Java client") {
    // Vector: RocketMQ's TopicStatsTable, as fastjson writes it.
    const std::string text =
        R"({"offsetTable":{{"brokerName":"b","queueId":1,"topic":"T"}:{"lastUpdateTimestamp":0,"maxOffset":5,"minOffset":0}},"topicPutTps":0.0})";
    const topic_stats stats{{{"T", "b", 1}, {0, 5, 0}}};
    CHECK(encode_topic_stats(stats) == text);
    CHECK(decode_topic_stats(text).value() == stats);
    check_truncations(text, decode_topic_stats);
    const topic_stats more{{{"T", "b", 1}, {1, 2, 3}}, {{"T\"}", "b{", 2}, {4, 5, 6}}};
    CHECK(decode_topic_stats(encode_topic_stats(more)).value() == more);
}

TEST_CASE("a queue inside a string key is read too, anything else in its place is refused") {
    const auto stats = decode_topic_stats(R"({"offsetTable":{"{\"topic\":\"T\",\"queueId\":1,\"brokerName\":\"b\"}":{"maxOffset":5}}})");
    CHECK(stats.value() == topic_stats{{{"T", "b", 1}, {0, 5, 0}}});
    for (const char* wrong : {R"({"offsetTable":{"T@b@1":{}}})", R"({"offsetTable":{7:{}}})", R"({"offsetTable":[]})",
                              R"({"offsetTable":{{"queueId":"x"}:{}}})", R"({"offsetTable":{{"queueId":1}}})"})
        CHECK_MESSAGE(decode_topic_stats(wrong).code() == errc::protocol_error, wrong);
}

TEST_CASE("the progress of a group comes back with every field") {
    consume_stats stats;
    stats.consume_tps = 12.25;
    stats.queues[{"T", "b", 1}] = {1, 2, 3, 4};
    stats.queues[{"U", "c", 0}] = {5, 6, 7, 8};
    CHECK(decode_consume_stats(encode_consume_stats(stats)).value() == stats);
    CHECK(encode_consume_stats({}) == R"({"consumeTps":0.0,"offsetTable":{}})");
    CHECK(encode_consume_stats({{{{"T", "b", 1}, {1, 2, 3, 4}}}, 0}) ==
          R"({"consumeTps":0.0,"offsetTable":{{"brokerName":"b","queueId":1,"topic":"T"}:)"
          R"({"brokerOffset":1,"consumerOffset":2,"lastTimestamp":4,"pullOffset":3}}})");
    check_truncations(encode_consume_stats(stats), decode_consume_stats);
}

TEST_CASE("a table of texts comes back, whatever is in it") {
    const key_value_table table{{"brokerVersionDesc", "V5_3_3"}, {"putTps", "  "}, {"", ""}, {"quote\"", "\x01中"}};
    CHECK(decode_key_value_table(encode_key_value_table(table)).value() == table);
    CHECK(decode_key_value_table(R"({"table":{"n":1,"b":true,"z":null}})").value() ==
          key_value_table{{"n", "1"}, {"b", "true"}, {"z", ""}});
    check_truncations(encode_key_value_table(table), decode_key_value_table);
}

TEST_CASE("a body that is no object, or is nested without end, is refused") {
    for (const char* wrong : {"", "null", "[]", "\"x\"", "1", "\xff\xfe"})
        CHECK(decode_key_value_table(wrong).code() == errc::protocol_error);
    std::string deep;
    for (int i = 0; i < 100'000; ++i)
        deep += R"({"table":)";
    CHECK(decode_key_value_table(deep).code() == errc::protocol_error);
    CHECK(decode_topic_stats(std::string(100'000, '{')).code() == errc::protocol_error);
}
