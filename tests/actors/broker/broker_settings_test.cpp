#include "protocol/admin_bodies.hpp"
#include "protocol/config_text.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>

// Topics, groups, settings and statistics, as operators' tools ask for them.

using namespace troupe;
using namespace troupe::actors;

namespace code = protocol::request_code;
namespace response = protocol::response_code;

namespace {

struct settings_world : wire_world {
    protocol::remoting_command put_topic(const std::string& name, const std::string& attributes, int queues = 3) const {
        return call(code::update_and_create_topic, {{"topic", name},
                                                    {"defaultTopic", "TBW102"},
                                                    {"readQueueNums", std::to_string(queues)},
                                                    {"writeQueueNums", std::to_string(queues)},
                                                    {"perm", "6"},
                                                    {"topicFilterType", "SINGLE_TAG"},
                                                    {"topicSysFlag", "0"},
                                                    {"order", "false"},
                                                    {"attributes", attributes}});
    }
    topic_config topic(const std::string& name) const {
        const auto found = call(code::get_topic_config, {{"topic", name}, {"lo", "true"}});
        REQUIRE(found.code == response::success);
        return *protocol::decode_topic_config(found.body.view());
    }
    std::map<std::string, std::string> config() const {
        const auto listed = call(code::get_broker_config);
        REQUIRE(listed.code == response::success);
        REQUIRE(listed.fields.find("version") != nullptr);
        return *protocol::decode_config_text(listed.body.view());
    }
    void send(const std::string& topic_name, std::int32_t queue) {
        send_messages order;
        order.producer_group = "producers";
        order.topic = topic_name;
        order.queue = queue_id{queue};
        order.body = payload{"body"};
        REQUIRE(ask<messages_stored>(order).ok());
    }
    void pull(std::int64_t from) {
        pull_messages order;
        order.group = "consumers";
        order.topic = "orders";
        order.offset = queue_offset{from};
        order.has_expression = true;
        order.expression = "*";
        order.expression_type = "TAG";
        REQUIRE(ask<messages_pulled>(order).ok());
    }
};

} // namespace

TEST_CASE_FIXTURE(settings_world, "a topic's attributes change one by one, and stay when none is named") {
    REQUIRE(put_topic("T", "+message.type=FIFO").code == response::success);
    CHECK(topic("T") == topic_config{"T", 3, 3, 6, 0, false, {{"message.type", "FIFO"}}});
    REQUIRE(put_topic("T", "", 4).code == response::success);
    CHECK(topic("T") == topic_config{"T", 4, 4, 6, 0, false, {{"message.type", "FIFO"}}});
    REQUIRE(put_topic("T", "-message.type", 4).code == response::success);
    CHECK(topic("T").attributes.empty());
    const auto wrong = put_topic("T", "+colour=red", 4);
    CHECK(wrong.code == response::invalid_parameter);
    CHECK(wrong.remark.find("colour") != std::string::npos);
    CHECK(put_topic("TBW102", "").code == response::invalid_parameter);
    CHECK(call(code::get_topic_config, {{"topic", "missing"}, {"lo", "true"}}).code == response::topic_not_exist);
}

TEST_CASE_FIXTURE(settings_world, "a list of topics is put as a whole, or not at all") {
    REQUIRE(put_topic("T", "").code == response::success);
    using change = protocol::topic_change;
    const change same{{"T", 3, 3, 6, 0, false, {}}, {}};
    const change added{{"U", 5, 5, 6, 0, false, {}}, {{"message.type", "DELAY", false}}};
    const change bad{{"V", 5, 5, 6, 0, false, {}}, {{"colour", "red", false}}};
    CHECK(call(code::update_and_create_topic_list, {}, protocol::encode_topic_changes({added, bad})).code == response::invalid_parameter);
    CHECK(call(code::get_topic_config, {{"topic", "U"}}).code == response::topic_not_exist);
    CHECK(call(code::update_and_create_topic_list, {}, protocol::encode_topic_changes({added, added})).code == response::invalid_parameter);
    REQUIRE(call(code::update_and_create_topic_list, {}, protocol::encode_topic_changes({same, added})).code == response::success);
    CHECK(topic("U") == topic_config{"U", 5, 5, 6, 0, false, {{"message.type", "DELAY"}}});
    CHECK(call(code::update_and_create_topic_list, {}, "{}").code == response::success);
}

TEST_CASE_FIXTURE(settings_world, "a list of groups is put as a whole, or not at all") {
    group_config good{"G", false, true, 2, 5, 0, false, true, 1, 0, false, 2, 30, {}, {}};
    good.retries = {true, {1, 2}, true, 3, 4, 5};
    CHECK(call(code::update_and_create_subscription_group_list, {}, protocol::encode_group_list({good, {"bad name", true, true, 1, 16}}))
              .code == response::invalid_parameter);
    CHECK(call(code::get_subscription_group_config, {{"group", "G"}}).code == response::subscription_group_not_exist);
    REQUIRE(call(code::update_and_create_subscription_group_list, {}, protocol::encode_group_list({good})).code == response::success);
    CHECK(*protocol::decode_group_config(call(code::get_subscription_group_config, {{"group", "G"}}).body.view()) == good);
}

TEST_CASE_FIXTURE(settings_world, "names that belong to the system are listed, cluster and broker among them") {
    const auto names = *protocol::decode_topic_list(call(code::get_system_topic_list_from_broker).body.view());
    for (const char* name : {"TBW102", "RMQ_SYS_TRACE_TOPIC", "DefaultCluster", "broker-a"})
        CHECK_MESSAGE(std::count(names.begin(), names.end(), name) == 1, name);
}

TEST_CASE_FIXTURE(settings_world, "a client finds where to send replies, and nobody changes the topics that the broker makes for itself") {
    CHECK(topic("DefaultCluster_REPLY_TOPIC").write_queues == 1);
    for (const char* name : {"DefaultCluster_REPLY_TOPIC", "DefaultCluster", "broker-a"}) {
        const auto refused = put_topic(name, "");
        CHECK_MESSAGE(refused.code != response::success, name);
        CHECK_MESSAGE(refused.remark.find("reserved") != std::string::npos, refused.remark);
        CHECK_MESSAGE(call(code::delete_topic_in_broker, {{"topic", name}}).code != response::success, name);
    }
    CHECK(topic("DefaultCluster_REPLY_TOPIC").write_queues == 1);
}

TEST_CASE_FIXTURE(settings_world, "the progress of a group is empty for what is not there, and complete for what is") {
    const auto progress = [this](std::initializer_list<std::pair<const char*, std::string>> fields) {
        const auto answer = call(code::get_consume_stats, fields);
        REQUIRE(answer.code == response::success);
        return *protocol::decode_consume_stats(answer.body.view());
    };
    CHECK(progress({{"consumerGroup", "nobody"}}).queues.empty());
    CHECK(progress({{"consumerGroup", "consumers"}, {"topic", "missing"}}).queues.empty());
    send("orders", 0);
    send("orders", 0);
    pull(0);
    pull(2);
    REQUIRE(ask<offset_committed>(commit_offset{{"consumers", {"orders", queue_id{0}}}, queue_offset{1}}).ok());
    auto seen = progress({{"consumerGroup", "consumers"}});
    REQUIRE(seen.queues.size() == 2);
    const auto& first = seen.queues.at({"orders", "broker-a", 0});
    CHECK(first.broker_offset == 2);
    CHECK(first.consumer_offset == 1);
    CHECK(first.pull_offset == 2);
    CHECK(first.last_stored_ms > 0);
    CHECK(seen.queues.at({"orders", "broker-a", 1}) == protocol::group_progress{0, 0, 0, 0});
    CHECK(seen.consume_tps > 0);
    CHECK(progress({{"consumerGroup", "consumers"}, {"topicList", "missing;orders"}}).queues.size() == 2);
    CHECK(progress({{"consumerGroup", "consumers"}, {"topic", "orders"}}).queues.size() == 2);
    std::string many;
    for (int i = 0; i < 10'000; ++i)
        many += ";orders";
    CHECK(progress({{"consumerGroup", "consumers"}, {"topicList", many}}).queues.size() == 2);
    CHECK(call(code::get_consume_stats, {{"consumerGroup", "consumers"}, {"topicList", many + ";orders"}}).code ==
          response::invalid_parameter);

    REQUIRE(ask<group_put>(put_group{{"consumers", true, true, 1, 16}}).ok());
    const auto all = call(code::get_broker_consume_stats, {{"isOrder", "false"}});
    REQUIRE(all.code == response::success);
    const auto stats = *protocol::decode_broker_consume_stats(all.body.view());
    CHECK(stats.broker_address == "127.0.0.1:10911");
    CHECK(stats.total_diff == 1);
    CHECK(stats.total_inflight_diff == 1);
    REQUIRE(stats.groups.at("consumers").size() == 1);
    CHECK(stats.groups.at("consumers").front().queues.at({"orders", "broker-a", 0}) == first);
    const auto ordered = call(code::get_broker_consume_stats, {{"isOrder", "true"}});
    CHECK(protocol::decode_broker_consume_stats(ordered.body.view())->groups.at("consumers").empty());
}

TEST_CASE_FIXTURE(settings_world, "counters tell what went through, and say so when nothing did") {
    CHECK(call(code::view_broker_stats_data, {{"statsName", "TOPIC_PUT_NUMS"}, {"statsKey", "orders"}}).code != response::success);
    send("orders", 0);
    send("orders", 1);
    pull(0);
    const auto sum = [this](const std::string& name, const std::string& key) {
        const auto answer = call(code::view_broker_stats_data, {{"statsName", name}, {"statsKey", key}});
        REQUIRE_MESSAGE(answer.code == response::success, name);
        return protocol::decode_counter_statistics(answer.body.view())->minute.sum;
    };
    CHECK(sum("TOPIC_PUT_NUMS", "orders") == 2);
    CHECK(sum("QUEUE_PUT_NUMS", "orders@1") == 1);
    CHECK(sum("GROUP_GET_NUMS", "orders@consumers") == 1);
    CHECK(sum("GROUP_GET_SIZE", "orders@consumers") > 4);
    CHECK(sum("BROKER_PUT_NUMS", "DefaultCluster") == 2);
    CHECK(sum("BROKER_GET_NUMS", "DefaultCluster") == 1);
    const auto stats = call(code::get_topic_stats_info, {{"topic", "orders"}});
    REQUIRE(stats.code == response::success);
    CHECK(protocol::decode_topic_stats(stats.body.view())->at({"orders", "broker-a", 1}).max_offset == 1);
    CHECK(stats.body.view().ends_with(R"("topicPutTps":0.0})") == false);
    CHECK(call(code::get_topic_stats_info, {{"topic", "missing"}}).code == response::topic_not_exist);
}

TEST_CASE_FIXTURE(settings_world, "runtime information holds each key that tools parse") {
    send("orders", 0);
    pull(0);
    const auto values = *protocol::decode_key_value_table(call(code::get_broker_runtime_info).body.view());
    for (const char* key : {"brokerVersionDesc",
                            "brokerVersion",
                            "brokerActive",
                            "bootTimestamp",
                            "runtime",
                            "putTps",
                            "getFoundTps",
                            "getMissTps",
                            "getTotalTps",
                            "getTransferredTps",
                            "getTransferedTps",
                            "msgPutTotalYesterdayMorning",
                            "msgPutTotalTodayMorning",
                            "msgPutTotalTodayNow",
                            "msgGetTotalYesterdayMorning",
                            "msgGetTotalTodayMorning",
                            "msgGetTotalTodayNow",
                            "putMessageEntireTimeMax",
                            "getMessageEntireTimeMax",
                            "putMessageTimesTotal",
                            "putMessageFailedTimes",
                            "putMessageSizeTotal",
                            "putMessageAverageSize",
                            "putMessageDistributeTime",
                            "putLatency99",
                            "putLatency999",
                            "dispatchMaxBuffer",
                            "dispatchBehindBytes",
                            "pageCacheLockTimeMills",
                            "earliestMessageTimeStamp",
                            "startAcceptSendRequestTimeStamp",
                            "commitLogMaxOffset",
                            "commitLogMinOffset",
                            "commitLogDiskRatio",
                            "consumeQueueDiskRatio",
                            "commitLogDirCapacity",
                            "remainHowManyDataToFlush",
                            "remainTransientStoreBufferNumbs",
                            "sendThreadPoolQueueSize",
                            "sendThreadPoolQueueCapacity",
                            "sendThreadPoolQueueHeadWaitTimeMills",
                            "pullThreadPoolQueueSize",
                            "pullThreadPoolQueueCapacity",
                            "pullThreadPoolQueueHeadWaitTimeMills",
                            "queryThreadPoolQueueSize",
                            "queryThreadPoolQueueCapacity",
                            "queryThreadPoolQueueHeadWaitTimeMills",
                            "litePullThreadPoolQueueSize",
                            "ackThreadPoolQueueSize",
                            "EndTransactionQueueSize",
                            "EndTransactionThreadPoolQueueCapacity",
                            "timerReadBehind",
                            "timerOffsetBehind",
                            "timerCongestNum",
                            "timerEnqueueTps",
                            "timerDequeueTps"})
        CHECK_MESSAGE(values.contains(key), key);
    CHECK(values.at("msgPutTotalTodayNow") == "1");
    CHECK(values.at("msgGetTotalTodayNow") == "1");
    CHECK(values.at("putMessageTimesTotal") == "1");
    CHECK(std::stoll(values.at("earliestMessageTimeStamp")) > 0);
    CHECK(values.at("remainHowManyDataToFlush") == "0 B");
    CHECK(values.at("commitLogDirCapacity").starts_with("Total : "));
}

TEST_CASE_FIXTURE(settings_world, "settings change while the broker runs, all that are named or none") {
    const auto change = [this](const std::string& text) { return call(code::update_broker_config, {}, text); };
    CHECK(config().at("brokerPermission") == "6");
    const auto refused = change("brokerPermission=4\nfileReservedTime=1\n");
    CHECK(refused.code == response::invalid_parameter);
    CHECK(refused.remark.find("fileReservedTime") != std::string::npos);
    CHECK(config().at("brokerPermission") == "6");
    CHECK(change("rocketmqHome=/tmp\n").code == response::no_permission);

    const auto version = *call(code::get_broker_config).fields.find("version");
    REQUIRE(change("brokerPermission=4\n").code == response::success);
    CHECK(config().at("brokerPermission") == "4");
    CHECK(*call(code::get_broker_config).fields.find("version") != version);
    send_messages order;
    order.topic = "orders";
    order.body = payload{"body"};
    CHECK(ask<messages_stored>(order).code() == errc::not_permitted);
    REQUIRE(change("brokerPermission=6\n").code == response::success);
    CHECK(ask<messages_stored>(order).ok());
}

TEST_CASE_FIXTURE(settings_world, "topics are created by sending as soon as the setting says so, and no longer when it does not") {
    const auto change = [this](const std::string& text) { return call(code::update_broker_config, {}, text); };
    send_messages order;
    order.topic = "fresh";
    order.topic_template_queues = 9;
    order.body = payload{"body"};
    CHECK(ask<messages_stored>(order).code() == errc::topic_not_found);
    REQUIRE(change("autoCreateTopicEnable=true\ndefaultTopicQueueNums=5\n").code == response::success);
    CHECK(topic("TBW102").write_queues == 5);
    CHECK(ask<messages_stored>(order).ok());
    CHECK(topic("fresh").write_queues == 5);
    REQUIRE(change("autoCreateTopicEnable=false\n").code == response::success);
    CHECK(call(code::get_topic_config, {{"topic", "TBW102"}}).code == response::topic_not_exist);
    order.topic = "another";
    CHECK(ask<messages_stored>(order).code() == errc::topic_not_found);
}

TEST_CASE_FIXTURE(settings_world, "what there is nothing to do for succeeds, and what cannot be done is refused clearly") {
    for (const auto tidy : {code::clean_expired_consumequeue, code::clean_unused_topic, code::delete_expired_commitlog})
        CHECK(call(tidy).code == response::success);
    CHECK(call(code::update_and_get_group_forbidden, {{"group", "G"}, {"topic", "orders"}}).body.view() ==
          R"({"group":"G","readable":true,"topic":"orders"})");
    CHECK(call(code::update_and_get_group_forbidden, {{"group", "G"}, {"topic", "orders"}, {"readable", "false"}}).code ==
          response::request_code_not_supported);
    CHECK(call(code::get_all_message_request_mode).body.view() == R"({"messageRequestModeMap":{}})");
    const auto set_mode = [this](const protocol::message_request_mode& mode) {
        return call(code::set_message_request_mode, {}, protocol::encode_message_request_mode(mode)).code;
    };
    CHECK(set_mode({"missing", "G", "PULL", 0}) == response::topic_not_exist);
    CHECK(set_mode({"%RETRY%G", "G", "PULL", 0}) == response::no_permission);
    CHECK(set_mode({"orders", "G", "PULL", 0}) == response::subscription_group_not_exist);
    REQUIRE(ask<group_put>(put_group{{"G", true, true, 1, 16}}).ok());
    CHECK(set_mode({"orders", "G", "PULL", 0}) == response::success);
    CHECK(set_mode({"orders", "G", "POP", 4}) == response::success);
    CHECK(set_mode({"orders", "G", "PUSH", 4}) == response::invalid_parameter);
}
