#include "protocol/bodies.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"
#include "protocol/response_code.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

// What name servers and brokers of Apache RocketMQ 5.3.3 and 4.9.4 answered our client, byte by byte, where the two differ or JSON is
// not what it seems: fastjson writes numbers and whole objects as keys, without quotes.

using namespace troupe;
using namespace troupe::protocol;

TEST_CASE("recorded: the route of a topic") {
    for (const std::string_view acting_master : {"", ",\"enableActingMaster\":false"}) { // 4.9.4 and 5.3.3
        const auto route = decode_topic_route(R"({"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:21911"},"brokerName":"interop",)"
                                              R"("cluster":"DefaultCluster")" +
                                              std::string{acting_master} +
                                              R"(}],"filterServerTable":{},"queueDatas":[{"brokerName":"interop","perm":6,)"
                                              R"("readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}]})");
        REQUIRE(route);
        REQUIRE(route->brokers.size() == 1);
        CHECK(route->brokers[0].broker_name == "interop");
        CHECK(route->brokers[0].addresses.at(0) == "127.0.0.1:21911");
        CHECK(route->queues == std::vector{queue_data{"interop", 2, 2, 6, 0}});
    }
}

TEST_CASE("recorded: a cluster, with broker ids as bare numbers") {
    for (const std::string_view acting_master : {"", ",\"enableActingMaster\":false"}) {
        const auto info = decode_cluster_info(R"({"brokerAddrTable":{"interop":{"brokerAddrs":{0:"127.0.0.1:21911"},)"
                                              R"("brokerName":"interop","cluster":"DefaultCluster")" +
                                              std::string{acting_master} + R"(}},"clusterAddrTable":{"DefaultCluster":["interop"]}})");
        REQUIRE(info);
        CHECK(info->brokers.at("interop").cluster == "DefaultCluster");
        CHECK(info->brokers.at("interop").addresses.at(0) == "127.0.0.1:21911");
        CHECK(info->clusters.at("DefaultCluster") == std::vector<std::string>{"interop"});
    }
}

TEST_CASE("recorded: the offsets of a topic, with queues as keys") {
    for (const std::string_view rate : {"", ",\"topicPutTps\":0.0"}) {
        const auto stats = decode_topic_stats(
            R"({"offsetTable":{{"brokerName":"interop","queueId":0,"topic":"recorded"}:{"lastUpdateTimestamp":0,"maxOffset":0,)"
            R"("minOffset":0},{"brokerName":"interop","queueId":1,"topic":"recorded"}:{"lastUpdateTimestamp":1795665957113,)"
            R"("maxOffset":1,"minOffset":0}})" +
            std::string{rate} + "}");
        REQUIRE(stats);
        CHECK(stats->size() == 2);
        CHECK(stats->at({"recorded", "interop", 1}) == queue_stats{0, 1, 1795665957113});
    }
}

TEST_CASE("recorded: the progress of a group, which 4.9 tells without the pull offset") {
    for (const auto& [field, pulled] : {std::pair{"", 0}, std::pair{",\"pullOffset\":1", 1}}) {
        const auto stats = decode_consume_stats(
            R"({"consumeTps":0.0,"offsetTable":{{"brokerName":"interop","queueId":1,"topic":"recorded"}:{"brokerOffset":1,)"
            R"("consumerOffset":1,"lastTimestamp":1795665957113)" +
            std::string{field} + "}}}");
        REQUIRE(stats);
        CHECK(stats->queues.at({"recorded", "interop", 1}) == group_progress{1, 1, pulled, 1795665957113});
    }
}

TEST_CASE("recorded: the groups of a broker, with and without the fields of 5.x") {
    const auto old = decode_group_table(
        R"({"dataVersion":{"counter":6,"timestamp":1795665957184},"subscriptionGroupTable":{"SELF_TEST_C_GROUP":{"brokerId":0,)"
        R"("consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,"groupName":"SELF_TEST_C_GROUP",)"
        R"("notifyConsumerIdsChangedEnable":true,"retryMaxTimes":16,"retryQueueNums":1,"whichBrokerWhenConsumeSlowly":1}}})");
    REQUIRE(old);
    CHECK(old->groups.at("SELF_TEST_C_GROUP").retry_max == 16);
    const auto recent = decode_group_table(
        R"({"dataVersion":{"counter":8,"stateVersion":0,"timestamp":1795665956974},"forbiddenTable":{},"subscriptionGroupTable":)"
        R"({"grs":{"attributes":{},"brokerId":0,"consumeBroadcastEnable":true,"consumeEnable":true,"consumeFromMinEnable":true,)"
        R"("consumeMessageOrderly":false,"consumeTimeoutMinute":15,"groupName":"grs","groupRetryPolicy":{"type":"CUSTOMIZED"},)"
        R"("groupSysFlag":0,"notifyConsumerIdsChangedEnable":true,"retryMaxTimes":16,"retryQueueNums":1,)"
        R"("whichBrokerWhenConsumeSlowly":1}}})");
    REQUIRE(recent);
    CHECK(recent->groups.at("grs").consume_enable);
}

TEST_CASE("recorded: the topics of a broker, with and without the fields of 5.x") {
    for (const auto& [version, mapping, attributes] :
         {std::tuple{"", "", ""}, std::tuple{",\"stateVersion\":0",
                                             ",\"mappingDataVersion\":{\"counter\":0,\"stateVersion\":0,"
                                             "\"timestamp\":1795663809098}",
                                             "\"attributes\":{},"}}) {
        const auto table = decode_topic_table(R"({"dataVersion":{"counter":17)" + std::string{version} + R"(,"timestamp":1795665956883})" +
                                              mapping + R"(,"topicConfigTable":{"DefaultCluster":{)" + attributes +
                                              R"("order":false,"perm":7,"readQueueNums":16,"topicFilterType":"SINGLE_TAG",)"
                                              R"("topicName":"DefaultCluster","topicSysFlag":0,"writeQueueNums":16}}})");
        REQUIRE(table);
        const auto& topic = table->topics.at("DefaultCluster");
        CHECK(topic.read_queues == 16);
        CHECK(topic.perm == 7); // 1: topics may inherit it
    }
}

TEST_CASE("recorded: a stored message, whose last property 4.9 leaves without an end") {
    const std::string record{
        "\x00\x00\x00\xa5\xda\xa3\x20\xa7\x58\x93\x2a\xac\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        "\x00\x00\x00\x00\x15\x4a\xc9\xfb\x00\x00\x00\x00\x00\x00\x01\xa2\x16\x08\x10\xf4\x7f\x00\x00\x01\x00\x00\xb2\x7e"
        "\x00\x00\x01\xa2\x16\x08\x10\xf9\x7f\x00\x00\x01\x00\x00\x59\x7f\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        "\x00\x00\x00\x02hi\x08recorded\x00\x40"
        "UNIQ_KEY\001C0000202173D9F3BF19281A028F10000\002"
        "CLUSTER\001DefaultCluster",
        165};
    const auto decoded = decode_record(payload{record});
    REQUIRE(decoded);
    CHECK(decoded->topic == "recorded");
    CHECK(decoded->queue.value() == 1);
    CHECK(decoded->body.view() == "hi");
    CHECK(find_property(decoded->properties, property_name::unique_key) == "C0000202173D9F3BF19281A028F10000");
    CHECK(find_property(decoded->properties, "CLUSTER") == "DefaultCluster");
    CHECK(offset_message_id(decoded->store_host, decoded->position) == "7F0000010000597F00000000154AC9FB");
}

TEST_CASE("recorded: refusals, with remarks that are not ours") {
    CHECK(to_errc(17, "No topic route info in name server for the topic: nowhere\nSee "
                      "https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.") == errc::topic_not_found);
    CHECK(to_errc(22, "can not find message, maybe time range not correct") == errc::offset_not_found);
    CHECK(to_errc(1, "no consumer for this group, grec") == errc::internal);
    CHECK(to_errc(1, "java.lang.IllegalArgumentException: newLimit < 0: (-1491191672 < 0), java.base/java.nio.Buffer.createLimitException("
                     "Buffer.java:395)") == errc::internal);
    CHECK(to_errc(215, "flow control") == errc::busy);
    CHECK(to_errc(2, "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while") == errc::busy);
}
