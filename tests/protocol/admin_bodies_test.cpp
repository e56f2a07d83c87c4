#include "protocol/admin_bodies.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace troupe;
using namespace troupe::protocol;

namespace {

/// Each proper prefix of a body must be refused.
template <class Decode>
void check_truncations(const std::string& body, Decode decode) {
    REQUIRE(decode(body).ok());
    for (std::size_t bytes = 0; bytes < body.size(); ++bytes)
        CHECK(decode(std::string_view{body}.substr(0, bytes)).code() == errc::protocol_error);
}

} // namespace

TEST_CASE("a list of topics comes back with every field, its attributes with their signs") {
    const std::vector<topic_change> changes{{{"T", 8, 4, 7, 2, true, {}}, {{"message.type", "FIFO", false}, {"reserve.time", "", true}}},
                                            {{"U", 1, 2, 4, 1, false, {}}, {}}};
    const auto body = encode_topic_changes(changes);
    CHECK(decode_topic_changes(body).value() == changes);
    CHECK(nlohmann::json::parse(body)["topicConfigList"][0]["attributes"] ==
          nlohmann::json::parse(R"({"+message.type":"FIFO","-reserve.time":""})"));
    check_truncations(body, decode_topic_changes);
}

TEST_CASE("a list of topics is read as Java writes it, and refused when an attribute has no sign or stands there twice") {
    const auto changes =
        decode_topic_changes(R"({"topicConfigList":[{"attributes":{"+message.type":"NORMAL"},"order":false,"perm":6,"readQueueNums":8,)"
                             R"("topicFilterType":"SINGLE_TAG","topicName":"T","topicSysFlag":0,"writeQueueNums":8},{"topicName":"U"}]})");
    REQUIRE(changes.ok());
    REQUIRE(changes->size() == 2);
    CHECK(changes->front() == topic_change{{"T", 8, 8, 6, 0, false, {}}, {{"message.type", "NORMAL", false}}});
    CHECK(changes->back().topic == topic_config{"U", 16, 16, 6, 0, false, {}}); // Java's defaults
    CHECK(decode_topic_changes(R"({"topicConfigList":[{"attributes":{"message.type":"NORMAL"}}]})").code() == errc::protocol_error);
    CHECK(decode_topic_changes(R"({"topicConfigList":[{"attributes":{"+a":"1","-a":""}}]})").code() == errc::protocol_error);
    CHECK(decode_topic_changes("{}").value().empty());
    topic_change many;
    for (std::size_t i = 0; i <= attribute_changes_max; ++i)
        many.attributes.push_back({"a" + std::to_string(i), "1", false});
    CHECK(decode_topic_changes(encode_topic_changes({many})).code() == errc::protocol_error);
}

// Goal: a body of the largest size becomes no multiple of it in memory.
TEST_CASE("a list of topics or groups is read no further than it may be long") {
    const auto list = [](const std::string& name, std::size_t entries) {
        std::string body = "{\"" + name + "\":[{}";
        for (std::size_t i = 1; i < entries; ++i)
            body += ",{}";
        return body + "]}";
    };
    CHECK(decode_topic_changes(list("topicConfigList", list_entries_max)).value().size() == list_entries_max);
    CHECK(decode_topic_changes(list("topicConfigList", list_entries_max + 1)).code() == errc::protocol_error);
    CHECK(decode_group_list(list("groupConfigList", list_entries_max)).value().size() == list_entries_max);
    CHECK(decode_group_list(list("groupConfigList", list_entries_max + 1)).code() == errc::protocol_error);
}

TEST_CASE("a topic comes back with every field") {
    const topic_config topic{"T", 8, 4, 7, 2, true, {{"message.type", "FIFO"}}};
    CHECK(decode_topic_config(encode_topic_config(topic)).value() == topic);
    check_truncations(encode_topic_config(topic), decode_topic_config);
}

TEST_CASE("a list of groups comes back with every field, whatever it shares by reference") {
    const std::vector<group_config> groups{{"G", false, false, 3, 5}, {"H", true, true, 1, 16}};
    CHECK(decode_group_list(encode_group_list(groups)).value() == groups);
    check_truncations(encode_group_list(groups), decode_group_list);
    const auto shared = decode_group_list(R"({"groupConfigList":[{"groupName":"G","groupRetryPolicy":{"type":"EXPONENTIAL"}},)"
                                          R"({"groupName":"H","groupRetryPolicy":{"$ref":"$.groupConfigList[0].groupRetryPolicy"}}]})");
    REQUIRE(shared.ok());
    CHECK(shared->back().name == "H");
    CHECK(shared->back().retries.is_exponential);
    for (const char* nowhere : {"$.groupConfigList[1].groupRetryPolicy", "$.groupConfigList[].groupRetryPolicy", "$", "..",
                                "$.groupConfigList[-1].groupRetryPolicy", "$.groupConfigList[0x].groupRetryPolicy"})
        CHECK_MESSAGE(decode_group_list(R"({"groupConfigList":[{"groupName":"G"},{"groupName":"H","groupRetryPolicy":{"$ref":")" +
                                        std::string{nowhere} + R"("}}]})")
                              .code() == errc::protocol_error,
                      nowhere);
    CHECK(decode_group_list(R"({"groupConfigList":[7]})").code() == errc::protocol_error);
}

TEST_CASE("a request mode comes back with every field, and is read as Java writes it") {
    const message_request_mode mode{"T", "G", "POP", 4};
    CHECK(decode_message_request_mode(encode_message_request_mode(mode)).value() == mode);
    check_truncations(encode_message_request_mode(mode), decode_message_request_mode);
    CHECK(decode_message_request_mode(R"({"consumerGroup":"G","mode":"PULL","popShareQueueNum":0,"topic":"T"})").value() ==
          message_request_mode{"T", "G", "PULL", 0});
    CHECK(encode_message_request_modes({}) == R"({"messageRequestModeMap":{}})");
    CHECK(encode_message_request_modes({mode, {"T", "F", "PULL", 0}}) ==
          R"({"messageRequestModeMap":{"T":{"F":{"consumerGroup":"F","mode":"PULL","popShareQueueNum":0,"topic":"T"},)"
          R"("G":{"consumerGroup":"G","mode":"POP","popShareQueueNum":4,"topic":"T"}}}})");
    CHECK(encode_group_forbidden("G", "T", false) == R"({"group":"G","readable":false,"topic":"T"})");
}

TEST_CASE("the statistics of a counter come back with every field, under Java's names") {
    const counter_statistics statistics{{60, 1.5, 2.25}, {3600, 2.5, 3.25}, {86'400, 3.5, 4.25}};
    const auto body = encode_counter_statistics(statistics);
    CHECK(decode_counter_statistics(body).value() == statistics);
    CHECK(nlohmann::json::parse(body)["statsMinute"] == nlohmann::json::parse(R"({"sum":60,"tps":1.5,"avgpt":2.25})"));
    check_truncations(body, decode_counter_statistics);
}

TEST_CASE("the progress of all groups comes back with every field: one object with one member per group") {
    broker_consume_stats stats;
    stats.broker_address = "127.0.0.1:10911";
    stats.total_diff = 7;
    stats.total_inflight_diff = 3;
    stats.groups["G"] = {{{{{"T", "broker-a", 1}, {10, 3, 6, 1'700'000'000'000}}}, 1.5}, {{{{"U", "broker-a", 0}, {1, 1, 1, 5}}}, 2.5}};
    stats.groups["H"] = {};
    const auto body = encode_broker_consume_stats(stats);
    CHECK(decode_broker_consume_stats(body).value() == stats);
    CHECK(body.find(R"("consumeStatsList":[{"G":[{"consumeTps":1.5,"offsetTable":{{"brokerName":"broker-a","queueId":1,"topic":"T"}:{)") !=
          std::string::npos);
    CHECK(body.find(R"(},{"H":[]}],"totalDiff":7,"totalInflightDiff":3})") != std::string::npos);
    check_truncations(body, decode_broker_consume_stats);
    CHECK(decode_broker_consume_stats(R"({"consumeStatsList":[{"G":[7]}]})").code() == errc::protocol_error);
}

TEST_CASE("topic stats carry the rate that is given") {
    CHECK(encode_topic_stats({}, 2.5) == R"({"offsetTable":{},"topicPutTps":2.5})");
    CHECK(encode_data_version({1, 2, 3}) == R"({"counter":3,"stateVersion":1,"timestamp":2})");
}
