#include "actors/wire/wire_pop.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

// Pop as RocketMQ's clients ask for it. Cases: PopMessageRequestHeader, AckMessageRequestHeader and others.

using namespace troupe;
using namespace troupe::actors;
namespace request = protocol::request_code;
namespace response = protocol::response_code;

namespace {

using fields = std::initializer_list<std::pair<std::string, std::string>>;

struct pop_wire_world : wire_world {
    using wire_world::wire_world;

    void send(const std::string& body) {
        const auto stored = call(request::send_message_v2,
                                 {{"a", "producers"},
                                  {"b", "orders"},
                                  {"c", "TBW102"},
                                  {"d", "4"},
                                  {"e", "0"},
                                  {"f", "0"},
                                  {"g", "0"},
                                  {"h", "0"},
                                  {"i", ""},
                                  {"j", "0"}},
                                 body);
        REQUIRE(stored.code == response::success);
    }
    protocol::remoting_command pop(const std::string& poll = "0", const std::string& most = "32", const std::string& order = "false") {
        return call(request::pop_message, {{"consumerGroup", "billing"},
                                           {"topic", "orders"},
                                           {"queueId", "-1"},
                                           {"maxMsgNums", most},
                                           {"invisibleTime", "60000"},
                                           {"pollTime", poll},
                                           {"bornTime", "0"},
                                           {"initMode", "0"},
                                           {"expType", "TAG"},
                                           {"exp", "*"},
                                           {"order", order}});
    }
    static std::string field(const protocol::remoting_command& answer, const std::string& name) {
        const auto* found = answer.fields.find(name);
        REQUIRE_MESSAGE(found != nullptr, name);
        return std::string{*found};
    }
    static std::string handle_of(const protocol::remoting_command& popped, std::int64_t offset) {
        return "0 " + field(popped, "popTime") + " 60000 " + field(popped, "reviveQid") + " 0 broker-a 0 " + std::to_string(offset);
    }
    std::int32_t ack(const std::string& handle, std::int64_t offset) {
        return call(request::ack_message, {{"consumerGroup", "billing"},
                                           {"topic", "orders"},
                                           {"queueId", "0"},
                                           {"offset", std::to_string(offset)},
                                           {"extraInfo", handle}})
            .code;
    }
};

template <class Message, class Encode, class Decode>
Message round_trip(const Message& message, Encode encode, Decode decode) {
    auto command = encode(message);
    auto back = decode(command);
    REQUIRE_MESSAGE(back.ok(), (back ? std::string{} : to_string(back.failure())));
    return *back;
}

} // namespace

TEST_CASE_FIXTURE(pop_wire_world, "a pop is answered with offsets from which the client makes handles, and the messages") {
    for (const auto* body : {"m0", "m1", "m2"})
        send(body);
    const auto popped = pop();
    REQUIRE(popped.code == response::success);
    CHECK(field(popped, "startOffsetInfo") == "0 0 0");
    CHECK(field(popped, "msgOffsetInfo") == "0 0 0,1,2");
    CHECK(field(popped, "invisibleTime") == "60000");
    CHECK(field(popped, "reviveQid") == "0");
    CHECK(field(popped, "restNum") == "0");
    CHECK(popped.fields.find("orderCountInfo") == nullptr);
    CHECK(protocol::decode_records(popped.body)->size() == 3);
    CHECK(pop().code == response::polling_timeout);

    CHECK(ack(handle_of(popped, 0), 0) == response::success);
    const auto batch = call(request::batch_ack_message, {},
                            R"({"acks":[{"b":"Ag==","c":"billing","it":60000,"pt":)" + field(popped, "popTime") +
                                R"(,"q":0,"r":"0","rq":0,"so":0,"t":"orders"}],"brokerName":"broker-a"})");
    CHECK(batch.code == response::success);
    const auto changed = call(request::change_message_invisible_time, {{"consumerGroup", "billing"},
                                                                       {"topic", "orders"},
                                                                       {"queueId", "0"},
                                                                       {"offset", "2"},
                                                                       {"invisibleTime", "0"},
                                                                       {"extraInfo", handle_of(popped, 2)}});
    REQUIRE(changed.code == response::success);
    CHECK(field(changed, "reviveQid") == "0");
    CHECK(field(changed, "popTime") != field(popped, "popTime"));
    const auto again = pop("5000");
    REQUIRE(again.code == response::success);
    CHECK(field(again, "msgOffsetInfo") == "0 0 2");
    CHECK(protocol::decode_records(again.body)->at(0).reconsume_times == 1);
}

TEST_CASE_FIXTURE(pop_wire_world, "an ordered pop says how often its messages were delivered") {
    send("m0");
    const auto popped = pop("0", "1", "true");
    REQUIRE(popped.code == response::success);
    CHECK(field(popped, "reviveQid") == "999");
    CHECK(field(popped, "orderCountInfo") == "0 0 0;0 qo0%0 0");
    CHECK(ack(handle_of(popped, 0), 0) == response::success);
    CHECK(ack(handle_of(popped, 0), 0) == response::success); // its answer may have been lost
}

TEST_CASE_FIXTURE(pop_wire_world, "what is wrong with a pop is answered with RocketMQ's codes") {
    CHECK(pop("0", "33").code == response::invalid_parameter);
    const auto asked = [this](std::int32_t code, const std::string& topic, const std::string& queue) {
        return call(code, {{"consumerGroup", "billing"}, {"topic", topic}, {"queueId", queue}, {"maxMsgNums", "1"}}).code;
    };
    CHECK(asked(request::peek_message, "nothing", "0") == response::topic_not_exist);
    CHECK(asked(request::peek_message, "orders", "7") == response::invalid_parameter);
    CHECK(asked(request::peek_message, "orders", "0") == response::pull_not_found);
    CHECK(asked(request::polling_info, "orders", "-1") == response::success);
    CHECK(asked(request::pop_message, "orders", "-1") == response::system_error); // fields are missing
    CHECK(ack("0 1 60000 0 0 broker-a 0 77", 77) == response::no_message);
    CHECK(ack("nonsense", 0) == response::system_error);
    CHECK(call(request::batch_ack_message, {}, R"({"acks":[],"brokerName":"b"})").code == response::no_message);
}

TEST_CASE_FIXTURE(pop_wire_world, "NOTIFICATION and POLLING_INFO answer what is there") {
    const auto notify = [this] {
        return call(request::notification,
                    {{"consumerGroup", "billing"}, {"topic", "orders"}, {"queueId", "-1"}, {"pollTime", "10"}, {"bornTime", "0"}});
    };
    auto told = notify();
    REQUIRE(told.code == response::success);
    CHECK(field(told, "hasMsg") == "false");
    CHECK(field(told, "pollingFull") == "false");
    CHECK(net::decode_answer<messages_popped>(told)->status == pop_status::nothing);
    send("m0");
    told = notify();
    CHECK(field(told, "hasMsg") == "true");
    const auto notice = net::decode_answer<messages_popped>(told);
    REQUIRE(notice.ok());
    CHECK(notice->kind == pop_kind::notify);
    CHECK(notice->status == pop_status::found);
    const auto counted = call(request::polling_info, {{"consumerGroup", "billing"}, {"topic", "orders"}, {"queueId", "-1"}});
    CHECK(field(counted, "pollingNum") == "0");
}

TEST_CASE_FIXTURE(pop_wire_world, "modes are kept, and decide what clients read") {
    const auto set_mode = [this](const std::string& mode) {
        return call(request::set_message_request_mode, {},
                    R"({"consumerGroup":"billing","mode":")" + mode + R"(","popShareQueueNum":0,"topic":"orders"})")
            .code;
    };
    const auto assigned = [this] {
        return std::string{call(request::query_assignment, {},
                                R"({"clientId":"c1","consumerGroup":"billing","messageModel":"CLUSTERING","strategyName":"AVG",)"
                                R"("topic":"orders"})")
                               .body.view()};
    };
    CHECK(set_mode("POP") == response::subscription_group_not_exist);
    REQUIRE(call(request::update_and_create_subscription_group, {}, R"({"groupName":"billing"})").code == response::success);
    CHECK(set_mode("PUSH") == response::invalid_parameter);
    CHECK(assigned() == "{}");                      // it is no member
    test_support::raw_client member{listener.port}; // whose end would be the member's end
    protocol::remoting_command beat;
    beat.code = request::heart_beat;
    beat.body = payload{std::string{R"({"clientID":"c1","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",)"
                                    R"("consumeType":"CONSUME_PASSIVELY","groupName":"billing","messageModel":"CLUSTERING",)"
                                    R"("subscriptionDataSet":[{"subString":"*","topic":"orders"}]}],"producerDataSet":[]})"}};
    REQUIRE(member.ask(beat)); // with its answer, or with the news that its group has changed
    const std::string pulled = R"({"messageQueueAssignments":[{"messageQueue":{"brokerName":"broker-a","queueId":0,"topic":"orders"},)"
                               R"("mode":"PULL"},{"messageQueue":{"brokerName":"broker-a","queueId":1,"topic":"orders"},"mode":"PULL"}]})";
    CHECK(assigned() == pulled);
    REQUIRE(set_mode("POP") == response::success);
    CHECK(assigned() ==
          R"({"messageQueueAssignments":[{"messageQueue":{"brokerName":"broker-a","queueId":-1,"topic":"orders"},"mode":"POP"}]})");
    CHECK(
        call(request::get_all_message_request_mode).body.view() ==
        R"({"messageRequestModeMap":{"orders":{"billing":{"consumerGroup":"billing","mode":"POP","popShareQueueNum":0,"topic":"orders"}}}})");
    REQUIRE(set_mode("PULL") == response::success);
    CHECK(assigned() == pulled);
}

TEST_CASE("orders and answers of pop consumers cross the wire whole") {
    const auto to_command = [](const auto& message) { return net::encode_request(message); };
    pop_messages pop{pop_kind::take, "g", "t", queue_id{3}, 7, 1'234, 55, timestamp_ms{99}, true, "a > 1", "SQL92", true, "attempt"};
    const auto took = round_trip(pop, to_command, net::decode_request<pop_messages>);
    CHECK(took.kind == pop_kind::take);
    CHECK(took.group == "g");
    CHECK(took.topic == "t");
    CHECK(took.queue == queue_id{3});
    CHECK(took.messages_max == 7);
    CHECK(took.invisible_ms == 1'234);
    CHECK(took.poll_ms == 55);
    CHECK(took.born == timestamp_ms{99});
    CHECK(took.from_end);
    CHECK(took.expression == "a > 1");
    CHECK(took.expression_type == "SQL92");
    CHECK(took.ordered);
    CHECK(took.attempt == "attempt");
    for (const auto kind : {pop_kind::peek, pop_kind::notify, pop_kind::count}) {
        pop.kind = kind;
        CHECK(round_trip(pop, to_command, net::decode_request<pop_messages>).kind == kind);
    }

    messages_popped popped;
    popped.status = pop_status::found;
    popped.popped = timestamp_ms{5};
    popped.invisible_ms = 6;
    popped.revive_queue = 7;
    popped.rest = 8;
    popped.queues = {{queue_id{1}, queue_offset{2}, {queue_offset{2}, queue_offset{4}}, {}}};
    popped.records = payload{std::string{"records"}};
    const auto got = round_trip(
        popped, [](const auto& answer) { return net::encode_answer(answer); }, net::decode_answer<messages_popped>);
    CHECK(got.status == pop_status::found);
    CHECK(got.popped == popped.popped);
    CHECK(got.invisible_ms == 6);
    CHECK(got.revive_queue == 7);
    CHECK(got.rest == 8);
    CHECK(got.queues == popped.queues);
    CHECK(got.records.view() == "records");
    for (const auto status : {pop_status::nothing, pop_status::full}) {
        popped.status = status;
        CHECK(net::decode_answer<messages_popped>(net::encode_answer(popped))->status == status);
    }

    const acknowledge_messages acks{
        {{"g", {"t", queue_id{1}}, {queue_offset{2}, timestamp_ms{9}, 60, 999, 1}, {queue_offset{3}, queue_offset{40}}}}, true, "broker-a"};
    const auto acked = round_trip(acks, to_command, net::decode_request<acknowledge_messages>);
    REQUIRE(acked.parts.size() == 1);
    CHECK(acked.parts[0].group == "g");
    CHECK(acked.parts[0].queue == topic_queue{"t", queue_id{1}});
    CHECK(acked.parts[0].handle == acks.parts[0].handle);
    CHECK(acked.parts[0].handle.is_ordered());
    CHECK(acked.is_batch);
    CHECK(acked.broker_name == "broker-a");
    CHECK(acked.parts[0].offsets == acks.parts[0].offsets);

    const change_invisible_time change{"g", {"t", queue_id{1}}, queue_offset{3}, {queue_offset{2}, timestamp_ms{9}, 60, 999, 0},
                                       77,  "broker-a"};
    const auto changed = round_trip(change, to_command, net::decode_request<change_invisible_time>);
    CHECK(changed.group == "g");
    CHECK(changed.queue == change.queue);
    CHECK(changed.offset == queue_offset{3});
    CHECK(changed.handle == change.handle);
    CHECK(changed.broker_name == "broker-a");

    // RocketMQ's brokers want the name of the topic where it lies, but in a batch of acknowledgements.
    for (const int flag : {1, 2}) {
        const std::string topic = flag == 1 ? "%RETRY%g_t" : "%RETRY%g+t";
        auto of_retry = change;
        of_retry.handle.retry_flag = flag;
        const auto read = round_trip(of_retry, to_command, net::decode_request<change_invisible_time>);
        CHECK(read.queue.topic == topic);
        CHECK(read.handle.retry_flag == flag);
        auto far = acks;
        far.parts[0].handle.retry_flag = flag;
        CHECK(round_trip(far, to_command, net::decode_request<acknowledge_messages>).parts[0].queue.topic == "t");
        far.parts[0].offsets = {queue_offset{2 + protocol::ack_span_max}};
        const auto alone = round_trip(far, to_command, net::decode_request<acknowledge_messages>);
        CHECK(alone.parts[0].queue.topic == topic);
        CHECK(alone.parts[0].offsets == far.parts[0].offsets);
        CHECK(alone.parts[0].handle == far.parts[0].handle);
        CHECK_FALSE(alone.is_batch);
    }
    CHECK(changed.invisible_ms == 77);
    const auto renewed = round_trip(
        invisible_time_changed{timestamp_ms{10}, 77, 999}, [](const auto& answer) { return net::encode_answer(answer); },
        net::decode_answer<invisible_time_changed>);
    CHECK(renewed.popped == timestamp_ms{10});
    CHECK(renewed.invisible_ms == 77);
    CHECK(renewed.revive_queue == 999);
}
