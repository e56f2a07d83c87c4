#include "actors/wire/wire_lookup.hpp"
#include "actors/wire/wire_members.hpp"
#include "actors/wire/wire_name_server_admin.hpp"
#include "actors/wire/wire_settings.hpp"
#include "protocol/properties.hpp"
#include "protocol/request_code.hpp"
#include "tests/actors/wire/golden_recording.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

// What RocketMQ's admin tool sent, byte by byte: tests/interop/record.py says which command sent what.

using namespace troupe;
using namespace troupe::actors;
using golden::recording;
namespace code = protocol::request_code;

namespace {

const std::vector<recording>& recordings() {
    static const std::vector<recording> all{{"mqadmin-5.3.3-json", protocol::header_codec::json, 479},
                                            {"mqadmin-5.3.3-rocketmq", protocol::header_codec::binary, 479}};
    return all;
}

template <class Check>
void for_each_recording(Check check) {
    for (const auto& each : recordings()) {
        CAPTURE(each.client());
        check(each);
    }
}

} // namespace

TEST_CASE("golden tool: every frame is decoded and encoded again to the same, in the binary form to the same bytes") {
    for_each_recording([](const recording& each) {
        CHECK(each.frames().size() == 27);
        each.check_both_ways();
    });
}

TEST_CASE("golden tool: updateTopic, with an attribute, and deleteTopic") {
    for_each_recording([](const recording& each) {
        CHECK(each.command("update_topic").code == code::update_and_create_topic);
        const auto change = each.order<change_topic>("update_topic").change;
        CHECK(change.topic.name == "golden-tool");
        CHECK(change.topic.read_queues == 3);
        CHECK(change.topic.write_queues == 2);
        CHECK(change.topic.perm == 6);
        CHECK_FALSE(change.topic.order);
        REQUIRE(change.attributes.size() == 1);
        CHECK(change.attributes[0].name == "message.type");
        CHECK(change.attributes[0].value == "FIFO");
        CHECK(each.command("delete_topic").code == code::delete_topic_in_broker);
        CHECK(each.order<delete_topic>("delete_topic").topic == "golden-tool");
    });
}

TEST_CASE("golden tool: updateSubGroup and deleteSubGroup") {
    for_each_recording([](const recording& each) {
        CHECK(each.command("update_group").code == code::update_and_create_subscription_group);
        const auto group = each.order<put_group>("update_group").group;
        CHECK(group.name == "golden-tools");
        CHECK(group.retry_max == 5);
        CHECK(group.retry_queues == 2);
        CHECK_FALSE(group.consume_broadcast_enable);
        CHECK(group.consume_enable);
        CHECK(each.command("delete_group").code == code::delete_subscription_group);
        CHECK(each.order<delete_group>("delete_group").group == "golden-tools");
    });
}

TEST_CASE("golden tool: topicStatus, consumerProgress, brokerConsumeStats and statsAll") {
    for_each_recording([](const recording& each) {
        CHECK(each.command("topic_status").code == code::get_topic_stats_info);
        CHECK(each.order<describe_topic_state>("topic_status").topic == "golden");
        CHECK(each.command("consumer_progress").code == code::get_consume_stats);
        const auto progress = each.order<describe_group_state>("consumer_progress");
        CHECK(progress.group == "golden-readers");
        CHECK(progress.topics.empty());
        CHECK(each.command("broker_consume_stats").code == code::get_broker_consume_stats);
        CHECK_FALSE(each.order<describe_consumption>("broker_consume_stats").ordered_only);
        CHECK(each.command("statistics").code == code::view_broker_stats_data);
        const auto counter = each.order<view_statistics>("statistics");
        CHECK(counter.name == "TOPIC_PUT_NUMS");
        CHECK(counter.key == "golden");
    });
}

TEST_CASE("golden tool: consumerConnection and producerConnection") {
    for_each_recording([](const recording& each) {
        CHECK(each.order<list_consumer_connections>("consumer_connection").group == "golden-readers");
        CHECK(each.order<list_producer_connections>("producer_connection").group == "golden-producers");
    });
}

TEST_CASE("golden tool: what has no argument") {
    for_each_recording([](const recording& each) {
        CHECK(each.command("topic_list").code == code::get_all_topic_list_from_nameserver);
        CHECK(each.command("cluster_list").code == code::get_broker_cluster_info);
        CHECK(each.command("broker_status").code == code::get_broker_runtime_info);
        CHECK(each.command("get_broker_config").code == code::get_broker_config);
        CHECK(each.command("get_name_server_config").code == code::get_namesrv_config);
        CHECK_FALSE(each.order<clean_store>("clean_queues").unused_topics);
        CHECK(each.order<clean_store>("clean_topics").unused_topics);
    });
}

TEST_CASE("golden tool: updateBrokerConfig, setConsumeMode and the keys of the name server") {
    for_each_recording([](const recording& each) {
        CHECK(each.order<change_broker_config>("update_broker_config").values == protocol::config_values{{"brokerPermission", "6"}});
        CHECK(each.order<set_request_mode>("set_consume_mode").mode == protocol::message_request_mode{"golden", "golden-tools", "POP", 0});
        const auto put = each.order<put_kv_config>("update_kv");
        CHECK(put.name_space == "golden-space");
        CHECK(put.key == "colour");
        CHECK(put.value == "blue");
        const auto removed = each.order<delete_kv_config>("delete_kv");
        CHECK(removed.name_space == "golden-space");
        CHECK(removed.key == "colour");
        for (const bool writable : {false, true}) {
            const auto perm = each.order<change_write_perm>(writable ? "add_write_perm" : "wipe_write_perm");
            CHECK(perm.broker_name == "golden-broker");
            CHECK(perm.writable == writable);
        }
    });
}

TEST_CASE("golden tool: sendMessage, queryMsgByKey, queryCq and resetOffsetByTime") {
    for_each_recording([](const recording& each) {
        const auto send = each.order_both_ways<send_messages>("send");
        CHECK(send.topic == "golden");
        CHECK(send.queue == queue_id{1});
        CHECK(send.body.view() == "by hand");
        CHECK(protocol::find_property(send.properties, "KEYS") == "order-1");
        CHECK(protocol::find_property(send.properties, "TAGS") == "TagA");
        const auto find = each.order<find_messages>("query_by_key");
        CHECK(find.topic == "golden");
        CHECK(find.key == "order-1");
        CHECK(find.messages_max > 0);
        CHECK_FALSE(find.by_unique_key);
        CHECK(find.begin < find.end);
        const auto browse = each.order<browse_queue>("query_queue");
        CHECK(browse.queue == topic_queue{"golden", queue_id{1}});
        CHECK(browse.from == queue_offset{0});
        CHECK(browse.count == 2);
        CHECK(browse.group.empty());
        const auto reset = each.order_both_ways<reset_offsets>("reset_offsets");
        CHECK(reset.group == "golden-tools");
        CHECK(reset.topic == "golden");
        CHECK(reset.queue == queue_id{-1});
        CHECK(reset.time == timestamp_ms{1'700'000'000'000});
        CHECK(reset.offset == queue_offset{-1});
        // A broker of RocketMQ that leaves it to the members speaks to them in the language of who asks.
        CHECK(net::encode_request(reset).from == each.command("reset_offsets").from);
    });
}
