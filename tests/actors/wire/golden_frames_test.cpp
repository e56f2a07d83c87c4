#include "actors/wire/wire_consumers.hpp"
#include "actors/wire/wire_lookup.hpp"
#include "actors/wire/wire_members.hpp"
#include "actors/wire/wire_message_back.hpp"
#include "protocol/batch_codec.hpp"
#include "protocol/consumer_bodies.hpp"
#include "protocol/properties.hpp"
#include "protocol/request_code.hpp"
#include "tests/actors/wire/golden_recording.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

// What RocketMQ's Java clients sent, byte by byte: tests/protocol/golden/README.md says how it was recorded. What they were told to do
// is in tests/interop/java, class Recording.

using namespace troupe;
using namespace troupe::actors;
using golden::recording;
namespace code = protocol::request_code;

namespace {

const std::vector<recording>& recordings() {
    static const std::vector<recording> all{{"java-4.9.8-json", protocol::header_codec::json, 409},
                                            {"java-4.9.8-rocketmq", protocol::header_codec::binary, 409},
                                            {"java-5.3.3-json", protocol::header_codec::json, 479},
                                            {"java-5.3.3-rocketmq", protocol::header_codec::binary, 479}};
    return all;
}

template <class Check>
void for_each_recording(Check check) {
    for (const auto& each : recordings()) {
        CAPTURE(each.client());
        check(each);
    }
}

const topic_queue golden_queue{"golden", queue_id{1}};

} // namespace

TEST_CASE("golden: every frame is decoded and encoded again to the same, in the binary form to the same bytes") {
    for_each_recording([](const recording& each) {
        CHECK(each.frames().size() == 22);
        each.check_both_ways();
    });
}

TEST_CASE("golden: a send, with its tag, keys, flag and a property beyond ASCII") {
    for_each_recording([](const recording& each) {
        const auto send = each.order_both_ways<send_messages>("send");
        CHECK(send.producer_group == "golden-producers");
        CHECK(topic_queue{send.topic, send.queue} == golden_queue);
        CHECK(send.body.view() == "first");
        CHECK(send.sys_flag == 0);
        CHECK(send.flag == 17);
        CHECK(send.born.value() > 1'700'000'000'000);
        CHECK(send.reconsume_times == 0);
        CHECK_FALSE(send.batch);
        const auto properties = protocol::decode_properties(send.properties);
        CHECK(properties.at("TAGS") == "TagA");
        CHECK(properties.at("KEYS") == "order-1 order-2");
        CHECK(properties.at("WAIT") == "true");
        CHECK(properties.at("UNIQ_KEY").size() == 32);
        CHECK(properties.at("colour") == "blau \xc3\xbc \xe4\xb8\xad");
        CHECK(properties.size() == 5);
    });
}

TEST_CASE("golden: a send one way, one with a delay, one that the client compressed") {
    for_each_recording([](const recording& each) {
        CHECK(each.command("send_oneway").is_oneway());
        CHECK(each.order_both_ways<send_messages>("send_oneway").body.view() == "one way");
        const auto delayed = each.order_both_ways<send_messages>("send_delayed");
        CHECK(protocol::find_property(delayed.properties, "DELAY") == "3");
        CHECK(protocol::find_property(delayed.properties, "TAGS") == "TagB");
        const auto compressed = each.order_both_ways<send_messages>("send_compressed");
        CHECK(compressed.sys_flag == (1 | 3 << 8)); // zlib
        CHECK(compressed.body.view().starts_with("\x78\x5e"));
        CHECK(compressed.body.size() < 100);
    });
}

TEST_CASE("golden: a batch") {
    for_each_recording([](const recording& each) {
        const auto send = each.order_both_ways<send_messages>("send_batch");
        CHECK(each.command("send_batch").code == code::send_batch_message);
        CHECK(send.batch);
        CHECK(topic_queue{send.topic, send.queue} == golden_queue);
        const auto elements = protocol::decode_batch(send.body);
        REQUIRE(elements.ok());
        REQUIRE(elements->size() == 2);
        CHECK((*elements)[0].body.view() == "b1");
        CHECK((*elements)[0].flag == 1);
        CHECK(protocol::find_property((*elements)[0].properties, "KEYS") == "batch-1");
        CHECK(protocol::find_property((*elements)[0].properties, "TAGS") == "TagC");
        CHECK((*elements)[1].body.view() == "b2");
        CHECK((*elements)[1].flag == 0);
        CHECK(protocol::find_property((*elements)[1].properties, "KEYS") == "batch-2");
        CHECK(*protocol::encode_batch(*elements) == send.body.view());
    });
}

TEST_CASE("golden: the route is asked for by name") {
    for_each_recording([](const recording& each) {
        CHECK(each.order_both_ways<find_route>("route").topic == "golden");
        CHECK(each.command("route").code == code::get_routeinfo_by_topic);
    });
}

TEST_CASE("golden: the heartbeat of a producer and of a consumer") {
    for_each_recording([](const recording& each) {
        const auto producer = each.order_both_ways<client_heartbeat>("heartbeat_producer").data;
        CHECK(producer.client_id == "127.0.0.1@producer");
        CHECK(std::count(producer.producer_groups.begin(), producer.producer_groups.end(), "golden-producers") == 1);
        CHECK(producer.consumers.empty());

        const auto remote = each.order<remote_heartbeat>("heartbeat_consumer");
        CHECK(remote.origin.from == protocol::language::java);
        CHECK_FALSE(remote.without_subscriptions);
        const auto& data = remote.heartbeat.data;
        CHECK(data.client_id == "127.0.0.1@reader");
        REQUIRE(data.consumers.size() == 1);
        const auto& consumer = data.consumers[0];
        CHECK(consumer.group == "golden-readers");
        CHECK(consumer.type == protocol::consume_type::passively);
        CHECK(consumer.model == protocol::message_model::clustering);
        CHECK(consumer.from == protocol::consume_from::first_offset);
        REQUIRE(consumer.subscriptions.size() == 2);
        const auto find = [&consumer](const std::string& topic) {
            return std::find_if(consumer.subscriptions.begin(), consumer.subscriptions.end(),
                                [&topic](const auto& subscription) { return subscription.topic == topic; });
        };
        const auto own = find("golden");
        REQUIRE(own != consumer.subscriptions.end());
        CHECK(own->expression == "TagA || TagB");
        CHECK(own->expression_type == "TAG");
        CHECK(own->version > 1'700'000'000'000);
        const auto retries = find("%RETRY%golden-readers");
        REQUIRE(retries != consumer.subscriptions.end());
        CHECK(retries->expression == "*");
        const auto again = protocol::decode_heartbeat(protocol::encode_heartbeat(data));
        REQUIRE(again.ok());
        CHECK(*again == data);
    });
}

TEST_CASE("golden: leaving a group") {
    for_each_recording([](const recording& each) {
        const auto producer = each.order_both_ways<unregister_client>("unregister_producer");
        CHECK(producer.client_id == "127.0.0.1@producer");
        CHECK(producer.producer_group == "golden-producers");
        CHECK(producer.consumer_group.empty());
        const auto consumer = each.order_both_ways<unregister_client>("unregister_consumer");
        CHECK(consumer.client_id == "127.0.0.1@reader");
        CHECK(consumer.producer_group.empty());
        CHECK(consumer.consumer_group == "golden-readers");
    });
}

TEST_CASE("golden: the members of a group, and what it has committed") {
    for_each_recording([](const recording& each) {
        CHECK(each.order_both_ways<list_group_members>("members").group == "golden-readers");
        const auto query = each.order_both_ways<query_offset>("query_offset");
        CHECK(query.key.group == "golden-readers");
        CHECK(query.key.queue.topic == "golden");
        CHECK(query.zero_if_not_found); // neither client says it here
    });
}

TEST_CASE("golden: a pull, first without and then with a commit") {
    for_each_recording([](const recording& each) {
        const auto pull = each.order_both_ways<pull_messages>("pull");
        CHECK(pull.group == "golden-readers");
        CHECK(topic_queue{pull.topic, pull.queue} == golden_queue);
        CHECK(pull.offset == queue_offset{0});
        CHECK(pull.messages_max == 24);
        CHECK(pull.bytes_max == 262'144); // 5.3.3 says it, and it is the default
        CHECK(pull.hold_ms == 15'000);
        CHECK_FALSE(pull.commit);
        CHECK_FALSE(pull.has_expression); // that of the heartbeat counts
        CHECK(pull.expression_type == "TAG");
        CHECK(pull.subscription_version > 1'700'000'000'000);
        const auto next = each.order_both_ways<pull_messages>("pull_commit");
        CHECK(next.commit);
        CHECK(next.commit_offset == queue_offset{2}); // of five messages the first two have its tags
        CHECK(next.offset == queue_offset{5});
    });
}

TEST_CASE("golden: a commit, one way") {
    for_each_recording([](const recording& each) {
        const auto commit = each.order_both_ways<commit_offset>("update_offset");
        CHECK(commit.key == progress_key{"golden-readers", golden_queue});
        CHECK(commit.offset == queue_offset{2});
        CHECK(each.command("update_offset").is_oneway());
    });
}

TEST_CASE("golden: the bounds of a queue, and its first offset by time") {
    for_each_recording([](const recording& each) {
        CHECK(each.order_both_ways<find_max_offset>("max_offset").queue == golden_queue);
        CHECK(each.order_both_ways<find_min_offset>("min_offset").queue == golden_queue);
        const auto search = each.order_both_ways<search_offset>("search_offset");
        CHECK(search.queue == golden_queue);
        CHECK(search.time == timestamp_ms{1'700'000'000'000});
        CHECK_FALSE(search.upper);
    });
}

TEST_CASE("golden: a message is sent back, and another found, by its place in the log") {
    for_each_recording([](const recording& each) {
        const auto back = each.order_both_ways<send_message_back>("send_back");
        CHECK(back.group == "golden-readers");
        CHECK(back.delay_level == 2);
        CHECK(back.retry_max == 5);
        const auto found = each.order_both_ways<find_message>("view_message");
        CHECK(found.position == back.position); // both are the first message
        CHECK(found.position.value() > 0);
    });
}

TEST_CASE("golden: queues are locked and given back") {
    for_each_recording([](const recording& each) {
        const auto lock = each.order<lock_queues>("lock").request;
        const auto unlock = each.order<unlock_queues>("unlock").request;
        for (const auto* request : {&lock, &unlock}) {
            CHECK(request->group == "golden-orderly");
            CHECK(request->client_id == "127.0.0.1@orderly");
            CHECK_FALSE(request->only_this_broker);
            const auto again = protocol::decode_queue_lock_request(protocol::encode_queue_lock_request(*request));
            REQUIRE(again.ok());
            CHECK(*again == *request);
        }
        CHECK(lock.queues == std::vector<protocol::message_queue>{{"golden", "golden-broker", 0}});
        for (const auto queue : {0, 1})
            CHECK(std::count(unlock.queues.begin(), unlock.queues.end(), protocol::message_queue{"golden", "golden-broker", queue}) == 1);
    });
}
