#include "protocol/message_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/actors/wire_world.hpp"
#include "tests/support/eventually.hpp"

#include <caf/actor_cast.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

// Messages by id, by key and by place, as clients and tools ask for them.
// Cases: RocketMQ's ViewMessageRequestHeader, QueryMessageRequestHeader and others.

using namespace troupe;
using namespace troupe::actors;
namespace request = protocol::request_code;
namespace response = protocol::response_code;

namespace {

struct lookup_world : wire_world {
    using wire_world::wire_world;

    /// Stores a message with this key, and returns its id.
    std::string store(const std::string& body, const std::string& properties = {}, std::int32_t queue = 0) {
        send_messages order;
        order.producer_group = "producers";
        order.topic = "orders";
        order.queue = queue_id{queue};
        order.body = payload{body};
        order.properties = properties;
        const auto stored = ask<messages_stored>(order);
        REQUIRE(stored.ok());
        return stored->message_ids;
    }
    protocol::remoting_command view(std::int64_t position) const {
        return call(request::view_message_by_id, {{"offset", std::to_string(position)}});
    }
    protocol::remoting_command find(const std::string& key, const std::string& maximum = "32", const std::string& begin = "0",
                                    const std::string& unique = "false", const std::string& topic = "orders") const {
        return call(request::query_message, {{"topic", topic},
                                             {"key", key},
                                             {"maxNum", maximum},
                                             {"beginTimestamp", begin},
                                             {"endTimestamp", "9223372036854775807"},
                                             {"_UNIQUE_KEY_QUERY", unique}});
    }
};

/// Through the proxy, as our own client asks.
template <class Answer, class Order>
result<Answer> look_up(lookup_world& world, const Order& order) {
    caf::scoped_actor self{world.system};
    result<Answer> outcome = error{errc::internal, "nothing came back"};
    self->request(caf::actor_cast<message_lookup_actor>(world.proxy), std::chrono::seconds{30}, order)
        .receive([&](Answer& answer) { outcome = std::move(answer); }, [&](caf::error& failure) { outcome = to_error(failure); });
    return outcome;
}

std::vector<std::string> bodies(const protocol::remoting_command& answer) {
    REQUIRE(answer.code == response::success);
    const auto messages = protocol::decode_records(answer.body);
    REQUIRE(messages);
    std::vector<std::string> all;
    for (const auto& one : *messages)
        all.emplace_back(one.body.view());
    return all;
}

std::string keys(const std::string& text) {
    return "KEYS\x01" + text + "\x02";
}

} // namespace

TEST_CASE_FIXTURE(lookup_world, "a message id leads to its message, and only the begin of a message is one") {
    store("first");
    const auto place = protocol::parse_offset_message_id(store("second"));
    REQUIRE(place);
    const auto position = place->second.value();
    const auto found = view(position);
    CHECK(bodies(found) == std::vector<std::string>{"second"});
    CHECK(protocol::record_position(found.body.view()).value() == position);
    for (const auto wrong : {position - 1, position + 1, position + 4, position + 1'000'000, std::int64_t{-1}, std::int64_t{0},
                             std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
        CAPTURE(wrong);
        const auto answer = view(wrong);
        CHECK(answer.code == response::system_error);
        CHECK(answer.remark.find("message_not_found") == 0);
        CHECK(answer.remark.find(std::to_string(wrong)) != std::string::npos);
        CHECK(answer.body.empty());
    }
    CHECK(call(request::view_message_by_id).code == response::system_error);
}

TEST_CASE_FIXTURE(lookup_world, "messages are found by each of their keys, newest first, and no more than are wanted") {
    store("a", keys("red blue"));
    store("b", keys("blue"), 1);
    store("c", keys("green"));
    const auto answer = find("blue");
    CHECK(bodies(answer) == std::vector<std::string>{"b", "a"});
    CHECK(answer.fields.find("indexLastUpdateTimestamp") != nullptr);
    CHECK(answer.fields.find("indexLastUpdatePhyoffset") != nullptr);
    CHECK(bodies(find("red")) == std::vector<std::string>{"a"});
    CHECK(bodies(find("blue", "1")) == std::vector<std::string>{"b"});
    CHECK(bodies(find("blue", "-7")) == std::vector<std::string>{"b"});
    CHECK(find("yellow").code == response::query_not_found);
    CHECK(find("red blue").code == response::query_not_found);
    CHECK(find("blue", "32", "9223372036854775807").code == response::query_not_found);
    CHECK(find("blue", "32", "0", "false", "nothing").code == response::topic_not_exist);
    CHECK(find("").code == response::invalid_parameter);
}

TEST_CASE_FIXTURE(lookup_world, "a message is found by its unique key, even if the producer's clock was some minutes ahead") {
    store("a", "UNIQ_KEY\x01"
               "7F0000010DB418B4AAC216E2EE5D0000\x02");
    const auto now = system_wall_clock().value();
    const std::string key = "7F0000010DB418B4AAC216E2EE5D0000";
    CHECK(bodies(find(key, "1", std::to_string(now + 300'000), "true")) == std::vector<std::string>{"a"});
    CHECK(find(key, "1", std::to_string(now + 300'000)).code == response::query_not_found);
    CHECK(find(key, "1", std::to_string(now + 3'600'000), "true").code == response::query_not_found);
    CHECK(bodies(find(key, "1", "-9223372036854775808", "true")) == std::vector<std::string>{"a"});
}

TEST_CASE_FIXTURE(lookup_world, "what is found by a key is at most 64 messages, and fits into a frame") {
    for (int i = 0; i < 70; ++i)
        store("x", keys("many"));
    CHECK(bodies(find("many", "2147483647")).size() == 64);
    for (int i = 0; i < 5; ++i)
        store(std::string(limits::body_bytes_max - 10, 'x'), keys("large"));
    const auto large = find("large");
    CHECK(bodies(large).size() == 3);
    CHECK(large.body.size() < limits::frame_bytes_max);
}

TEST_CASE_FIXTURE(lookup_world, "the store time of a queue's first message is told, and -1 for an empty queue") {
    const auto first = [&](const std::string& topic, const std::string& queue) {
        return call(request::get_earliest_msg_storetime, {{"topic", topic}, {"queueId", queue}});
    };
    CHECK(*first("orders", "0").fields.find("timestamp") == "-1");
    const auto place = protocol::parse_offset_message_id(store("a"));
    store("b");
    const auto record = view(place->second.value());
    CHECK(*first("orders", "0").fields.find("timestamp") == to_string(protocol::record_stored(record.body.view())));
    CHECK(first("orders", "2").code == response::invalid_parameter);
    CHECK(first("nothing", "0").code == response::topic_not_exist);
}

TEST_CASE_FIXTURE(lookup_world, "a tool sees the index of a queue, page by page") {
    const auto first = protocol::parse_offset_message_id(store("a", "TAGS\x01TagA\x02"));
    store("b");
    store("c");
    const auto browse = [&](const std::string& index, const std::string& count, const std::string& queue = "0") {
        return call(request::query_consume_queue, {{"topic", "orders"}, {"queueId", queue}, {"index", index}, {"count", count}});
    };
    const auto page = nlohmann::json::parse(browse("0", "2").body.view());
    CHECK(page["minQueueIndex"] == 0);
    CHECK(page["maxQueueIndex"] == 3);
    REQUIRE(page["queueData"].size() == 2);
    CHECK(page["queueData"][0]["physicOffset"] == first->second.value());
    CHECK(page["queueData"][0]["physicSize"] == view(first->second.value()).body.size());
    CHECK(page["queueData"][0]["tagsCode"] == 2598919);
    CHECK(page["queueData"][1]["tagsCode"] == 0);
    CHECK(nlohmann::json::parse(browse("1", "2147483647").body.view())["queueData"].size() == 2);
    for (const auto* outside : {"3", "-1"}) {
        const auto nothing = browse(outside, "10");
        CHECK(nothing.code == response::success);
        CHECK(nothing.body.empty());
    }
    CHECK(browse("0", "10", "2").code == response::invalid_parameter);
}

TEST_CASE_FIXTURE(lookup_world, "a tool sees which messages of a queue a group wants, or that none of its members is there") {
    store("a", "TAGS\x01TagA\x02");
    store("b", "TAGS\x01TagB\x02size\x01"
               "7\x02");
    store("c");
    const auto evaluated = [&](const std::string& group) {
        const auto answer = call(request::query_consume_queue,
                                 {{"topic", "orders"}, {"queueId", "0"}, {"index", "0"}, {"count", "9"}, {"consumerGroup", group}});
        REQUIRE(answer.code == response::success);
        const auto page = nlohmann::json::parse(answer.body.view());
        std::vector<bool> wanted;
        for (const auto& entry : page["queueData"])
            wanted.push_back(entry["eval"]);
        return std::pair{page, wanted};
    };
    CHECK(evaluated("").second == std::vector<bool>{true, true, true});
    CHECK_FALSE(evaluated("").first.contains("subscriptionData"));
    const auto nobody = evaluated("tagged");
    CHECK(nobody.second == std::vector<bool>{false, false, false});
    CHECK(std::string{nobody.first["filterData"]}.find("no member of group tagged") == 0);
    const auto join = [&](const std::string& group, const std::string& expression, const std::string& type) {
        protocol::consumer_data consumer;
        consumer.group = group;
        consumer.subscriptions.push_back({"orders", expression, type, 1});
        client_heartbeat beat;
        beat.data.client_id = group + "-member";
        beat.data.consumers.push_back(consumer);
        REQUIRE(ask<heartbeat_accepted>(beat));
    };
    join("tagged", "TagA || TagC", "TAG");
    const auto tagged = evaluated("tagged");
    CHECK(tagged.second == std::vector<bool>{true, false, false});
    CHECK(tagged.first["subscriptionData"]["subString"] == "TagA || TagC");
    CHECK_FALSE(tagged.first.contains("filterData"));
    join("sized", "size > 5", "SQL92");
    CHECK(evaluated("sized").second == std::vector<bool>{false, true, false});
}

TEST_CASE_FIXTURE(lookup_world, "a tool sees why the pulls of a group are refused, and what the queue holds all the same") {
    store("a", "size\x01"
               "7\x02");
    store("b");
    const auto browse = [&](const std::string& group, const std::string& topic = "orders") {
        return call(request::query_consume_queue,
                    {{"topic", topic}, {"queueId", "0"}, {"index", "0"}, {"count", "9"}, {"consumerGroup", group}});
    };
    const auto evaluated = [&](const std::string& group, const std::string& topic = "orders") {
        const auto answer = browse(group, topic);
        REQUIRE(answer.code == response::success);
        const auto page = nlohmann::json::parse(answer.body.view());
        std::vector<bool> wanted;
        for (const auto& entry : page["queueData"])
            wanted.push_back(entry["eval"]);
        return std::pair{page, wanted};
    };
    const auto join = [&](const std::string& group, const std::string& topic, const std::string& expression) {
        protocol::consumer_data consumer;
        consumer.group = group;
        consumer.subscriptions.push_back({topic, expression, "SQL92", 1});
        client_heartbeat beat;
        beat.data.client_id = group + "-member";
        beat.data.consumers.push_back(consumer);
        REQUIRE(ask<heartbeat_accepted>(beat));
    };
    join("broken", "orders", "size >");
    const auto broken = evaluated("broken");
    CHECK(broken.second == std::vector<bool>{false, false});
    CHECK(broken.first["subscriptionData"]["subString"] == "size >");
    CHECK(std::string{broken.first["filterData"]}.find("subscription to topic orders: ") == 0);

    // What failed was wanted before: in a retry topic SQL92 filters neither pulls nor this.
    join("sized", "%RETRY%sized", "size > 5");
    send_messages failed;
    failed.topic = "%RETRY%sized";
    failed.body = payload{"failed"};
    REQUIRE(ask<messages_stored>(failed));
    CHECK(evaluated("sized", "%RETRY%sized").second == std::vector<bool>{true});

    join("sized", "orders", "size > 5");
    CHECK(evaluated("sized").second == std::vector<bool>{true, false});
    REQUIRE(call(request::update_broker_config, {}, "enablePropertyFilter=false\n").code == response::success);
    const auto off = evaluated("sized");
    CHECK(off.second == std::vector<bool>{false, false});
    CHECK(std::string{off.first["filterData"]}.find("broker.property_filter is off") != std::string::npos);

    CHECK(browse(std::string(5'000, 'g')).code != response::success);
    CHECK(browse("no group!").code != response::success);
}

TEST_CASE_FIXTURE(lookup_world, "a tool sees how old the messages are that a group has consumed, and the next one") {
    const auto spans = [&](const std::string& topic = "orders") {
        return call(request::query_consume_time_span, {{"topic", topic}, {"group", "readers"}});
    };
    const auto first = protocol::parse_offset_message_id(store("a"));
    const auto last = protocol::parse_offset_message_id(store("b"));
    const auto stored = [&](const auto& place) { return protocol::record_stored(view(place->second.value()).body.view()).value(); };
    auto all = nlohmann::json::parse(spans().body.view())["consumeTimeSpanSet"];
    REQUIRE(all.size() == 2);
    CHECK(all[0]["messageQueue"]["queueId"] == 0);
    CHECK(all[0]["messageQueue"]["brokerName"] == "broker-a");
    CHECK(all[0]["minTimeStamp"] == stored(first));
    CHECK(all[0]["maxTimeStamp"] == stored(last));
    CHECK(all[0]["consumeTimeStamp"] == stored(first));
    CHECK(all[1]["maxTimeStamp"] == 0);
    CHECK(all[1]["delayTime"] == 0);
    REQUIRE(ask<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{2}}).ok());
    all = nlohmann::json::parse(spans().body.view())["consumeTimeSpanSet"];
    CHECK(all[0]["consumeTimeStamp"] == stored(last));
    CHECK(all[0]["delayTime"] == 0);
    CHECK(spans("nothing").code == response::topic_not_exist);
}

TEST_CASE_FIXTURE(lookup_world, "when too many look-ups wait, one more is busy at once, and one that cannot be decoded costs nothing") {
    const auto place = protocol::parse_offset_message_id(store("a"));
    const auto& lookups = *node->lookup_admission();
    const auto all = lookups.amount_max();
    REQUIRE(node->lookup_admission()->try_acquire(all));
    CHECK(view(place->second.value()).code == response::system_busy);
    CHECK(call(request::view_message_by_id).code == response::system_error);
    CHECK(lookups.under_way() == all);
    node->lookup_admission()->release(all);
    CHECK(view(place->second.value()).code == response::success);
    CHECK(lookups.under_way() == 0);
}

TEST_CASE("our own client finds messages by position and by key over the wire") {
    lookup_world world;
    const auto id = world.store("m0", "KEYS\001k1 k2\002UNIQ_KEY\001C0A8000100002A9F0000000000000001\002");
    const auto position = protocol::parse_offset_message_id(id);
    REQUIRE(position);
    const auto found = look_up<message_found>(world, find_message{position->second});
    REQUIRE(found);
    CHECK(protocol::decode_record(found->record)->body.view() == "m0");
    const auto nothing = look_up<message_found>(world, find_message{log_position{1 << 20}});
    CHECK(nothing.code() == errc::internal);

    find_messages order;
    order.topic = "orders";
    order.end = timestamp_ms{INT64_MAX};
    for (const auto& [key, is_unique] : {std::pair{"k2", false}, std::pair{"C0A8000100002A9F0000000000000001", true}}) {
        order.key = key;
        order.by_unique_key = is_unique;
        result<messages_found> indexed = error{};
        test_support::await("the index, which follows the log", [&] { return (indexed = look_up<messages_found>(world, order)).ok(); });
        const auto records = protocol::decode_records(indexed->records);
        REQUIRE(records);
        REQUIRE(records->size() == 1);
        CHECK(records->front().body.view() == "m0");
        CHECK(indexed->indexed.value() > 0);
    }
    order.key = "k3";
    order.by_unique_key = false;
    CHECK(look_up<messages_found>(world, order).code() == errc::message_not_found);
}
