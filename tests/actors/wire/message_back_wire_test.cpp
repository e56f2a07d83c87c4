#include "actors/wire/wire_message_back.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <doctest/doctest.h>

// Failed messages, as clients of all languages give them back.

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace code = protocol::request_code;
namespace response = protocol::response_code;

namespace {

using fields = std::vector<std::pair<std::string, std::string>>;

broker_options impatient_broker() {
    broker_options options;
    options.delay_levels = {20ms, 60s};
    return options;
}

struct back_world : wire_world {
    back_world() : wire_world{impatient_broker()} {
        group_config group;
        group.name = "billing";
        REQUIRE(ask<group_put>(put_group{group}).ok());
    }
    /// As Java's producer sends it.
    protocol::remoting_command send(const std::string& topic, const std::string& properties, const fields& more = {},
                                    std::int32_t version = protocol::protocol_version) const {
        protocol::remoting_command command;
        command.code = code::send_message_v2;
        command.version = version;
        for (const auto& [name, value] : fields{{"a", "CLIENT_INNER_PRODUCER"},
                                                {"b", topic},
                                                {"c", "TBW102"},
                                                {"d", "4"},
                                                {"e", "0"},
                                                {"f", "0"},
                                                {"g", "1700000000000"},
                                                {"h", "0"},
                                                {"i", properties},
                                                {"k", "false"}})
            command.fields.set(name, value);
        for (const auto& [name, value] : more)
            command.fields.set(name, value);
        command.body = payload{"hello"};
        return exchange(command);
    }
    protocol::remoting_command give_back(const fields& all, std::int32_t version = protocol::protocol_version) const {
        protocol::remoting_command command;
        command.code = code::consumer_send_msg_back;
        command.version = version;
        for (const auto& [name, value] : all)
            command.fields.set(name, value);
        return exchange(command);
    }
    protocol::remoting_command exchange(const protocol::remoting_command& command) const {
        test_support::raw_client client{listener.port};
        auto answer = client.ask(command);
        REQUIRE(answer);
        return *answer;
    }
    /// The messages in the first queue of `topic`, once there are `count`: the pull waits for them.
    std::vector<protocol::message> await(const std::string& topic, std::int64_t count) {
        pull_messages order;
        order.group = "readers";
        order.topic = topic;
        order.queue = queue_id{0};
        order.offset = queue_offset{count - 1};
        order.hold_ms = 15'000;
        order.has_expression = true;
        order.expression = "*";
        order.expression_type = "TAG";
        REQUIRE(ask<messages_pulled>(order)->status == pull_status::found);
        order.offset = queue_offset{0};
        const auto pulled = ask<messages_pulled>(order);
        REQUIRE(pulled);
        const auto all = protocol::decode_records(pulled->records);
        REQUIRE(all);
        CHECK(static_cast<std::int64_t>(all->size()) == count);
        return *all;
    }
    /// Log position of a message that is there, as its consumer knows it.
    std::string position_of_failed() {
        REQUIRE(send("orders", "TAGS\x01TagA\x02").code == response::success);
        return to_string(await("orders", 1)[0].position);
    }
};

} // namespace

TEST_CASE_FIXTURE(back_world, "a message given back comes again in the retry topic, with what its consumer needs to know") {
    const auto position = position_of_failed();
    const auto answer = give_back({{"offset", position},
                                   {"group", "billing"},
                                   {"delayLevel", "1"},
                                   {"originMsgId", "id"},
                                   {"originTopic", "orders"},
                                   {"unitMode", "false"},
                                   {"maxReconsumeTimes", "16"}});
    CHECK(answer.code == response::success);
    const auto again = await("%RETRY%billing", 1);
    CHECK(again[0].reconsume_times == 1);
    CHECK(again[0].topic == "%RETRY%billing");
    CHECK(protocol::find_property(again[0].properties, "RETRY_TOPIC") == "orders");
    CHECK(protocol::find_property(again[0].properties, "TAGS") == "TagA");
    CHECK(protocol::find_property(again[0].properties, "REAL_TOPIC") == "%RETRY%billing");
}

TEST_CASE_FIXTURE(back_world, "properties that cannot be stored are refused before anybody edits them") {
    std::string many;
    while (many.size() <= 32'767)
        many += "POP_CK\x01\x02";
    for (const std::string topic : {"orders", "%RETRY%billing"}) {
        const auto answer = send(topic, many);
        CHECK(answer.code == response::message_illegal);
        CHECK(answer.remark.find("32767") != std::string::npos);
    }
}

TEST_CASE_FIXTURE(back_world, "the limit in a request counts from version 121 on") {
    const auto position = position_of_failed();
    const fields dead{{"offset", position}, {"group", "billing"}, {"delayLevel", "1"}, {"maxReconsumeTimes", "0"}};
    CHECK(give_back(dead, 120).code == response::success);
    CHECK(await("%RETRY%billing", 1).size() == 1);
    CHECK(give_back(dead, 121).code == response::success);
    CHECK(await("%DLQ%billing", 1).size() == 1);
}

TEST_CASE_FIXTURE(back_world, "what cannot be given back is answered as RocketMQ answers it") {
    CHECK(give_back({{"offset", "0"}, {"group", "no such"}, {"delayLevel", "0"}}).code == response::subscription_group_not_exist);
    for (const std::string offset : {"999999999", "-1", "9223372036854775807"})
        CHECK(give_back({{"offset", offset}, {"group", "billing"}, {"delayLevel", "0"}}).code == response::system_error);
    CHECK(give_back({{"group", "billing"}, {"delayLevel", "0"}}).code == response::system_error);
    CHECK(give_back({{"offset", "x"}, {"group", "billing"}, {"delayLevel", "0"}}).code == response::system_error);
}

TEST_CASE_FIXTURE(back_world, "a consumer that sends to its retry topic itself is served by either form of the header") {
    const auto delayed = "DELAY\x01"
                         "1\x02RETRY_TOPIC\x01orders\x02ORIGIN_MESSAGE_ID\x01id\x02";
    const auto stored = send("%RETRY%billing", delayed, {{"j", "2"}, {"l", "16"}});
    CHECK(stored.code == response::success);
    CHECK(await("%RETRY%billing", 1)[0].reconsume_times == 2);
    CHECK(send("%RETRY%billing", delayed, {{"j", "3"}, {"l", "2"}}).code == response::success);
    const auto dead = await("%DLQ%billing", 1);
    CHECK(protocol::find_property(dead[0].properties, "DELAY") == "-1");
    CHECK(protocol::find_property(dead[0].properties, "ORIGIN_MESSAGE_ID") == "id");
    const auto go = call(code::send_message,
                         {{"producerGroup", "CLIENT_INNER_PRODUCER"},
                          {"topic", "%RETRY%billing"},
                          {"queueId", "0"},
                          {"properties", delayed},
                          {"reconsumeTimes", "17"},
                          {"maxReconsumeTimes", "16"}},
                         "hello");
    CHECK(go.code == response::success);
    CHECK(await("%DLQ%billing", 2).size() == 2);
    CHECK(send("%RETRY%billing", delayed, {{"j", "3"}, {"l", "2"}}, 120).code == response::success); // too old to have a say
    CHECK(await("%RETRY%billing", 2).size() == 2);
    CHECK(send("%RETRY%no such", delayed).code == response::invalid_parameter);
    CHECK(send("%RETRY%billing", delayed, {{"m", "true"}}).code == response::message_illegal);
}

TEST_CASE_FIXTURE(back_world, "a delayed message is answered for its own queue and comes later, and what is not supported is said") {
    const auto stored = send("orders", "DELAY\x01"
                                       "1\x02");
    CHECK(stored.code == response::success);
    CHECK(*stored.fields.find("queueId") == "0");
    CHECK(*stored.fields.find("queueOffset") == "0");
    CHECK(await("orders", 1)[0].body.view() == "hello");
    CHECK(send("SCHEDULE_TOPIC_XXXX", "").code == response::no_permission);
    CHECK(send("orders", "TRAN_MSG\x01true\x02"
                         "DELAY\x01"
                         "1\x02")
              .code == response::message_illegal);
    CHECK(send("orders", "TIMER_DELAY_SEC\x01"
                         "300000\x02")
              .code == response::message_illegal);
    CHECK(send("orders", "DELAY\x01soon\x02").code == response::message_illegal);
    CHECK(send("orders", "TIMER_DELAY_SEC\x01"
                         "5\x02"
                         "DELAY\x01"
                         "1\x02")
              .code == response::success); // a level wins
    CHECK_FALSE(protocol::find_property(await("orders", 2)[1].properties, "TIMER_DELAY_SEC").has_value());
}

TEST_CASE("what a consumer says of a failed message is the same on the other side of the wire") {
    const send_message_back order{log_position{77}, "billing", -1, 5, "orders", "id"};
    const auto encoded = net::encode_request(order);
    REQUIRE(encoded.fields.find("originTopic") != nullptr); // Apache's broker needs it
    CHECK(*encoded.fields.find("originTopic") == "orders");
    const auto decoded = net::decode_request<send_message_back>(encoded);
    REQUIRE(decoded);
    CHECK(decoded->position == order.position);
    CHECK(decoded->group == order.group);
    CHECK(decoded->delay_level == -1);
    CHECK(decoded->retry_max == 5);
    CHECK(decoded->origin_topic == "orders");
    CHECK(decoded->origin_message_id == "id");
    CHECK_FALSE(decoded->tries.has_value());
    CHECK(net::decode_answer<message_sent_back>(net::encode_answer(message_sent_back{})).ok());
}

TEST_CASE("what a consumer says of its own tries goes with a message that gets no further one, and with no other") {
    send_message_back order{log_position{77}, "billing", -1, {}, "orders", "id", 7};
    const auto dead = net::decode_request<send_message_back>(net::encode_request(order));
    REQUIRE(dead);
    CHECK(dead->tries == 7);
    order.delay_level = 0;
    auto encoded = net::encode_request(order);
    CHECK(encoded.fields.find("reconsumeTimes") == nullptr);
    encoded.fields.set("reconsumeTimes", "7"); // a client that says so all the same gains nothing
    const auto retried = net::decode_request<send_message_back>(encoded);
    REQUIRE(retried);
    CHECK_FALSE(retried->tries.has_value());
    encoded.fields.set("delayLevel", "-1");
    encoded.fields.set("reconsumeTimes", "many");
    CHECK(net::decode_request<send_message_back>(encoded).code() == errc::protocol_error);
}
