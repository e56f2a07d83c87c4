#include "actors/schedule/timer_message.hpp"

#include "actors/base/topic_directory.hpp"
#include "protocol/property_edit.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

constexpr timestamp_ms now{1'700'000'000'000};
constexpr std::chrono::milliseconds horizon = timer_horizon_default;

std::string with(const protocol::properties& properties) {
    return *protocol::encode_properties(properties);
}

result<std::optional<timestamp_ms>> due(const protocol::properties& properties) {
    return timer_due_of(with(properties), now, horizon);
}

} // namespace

TEST_CASE("timer_message: seconds, milliseconds and a time, in this order of precedence") {
    CHECK(due({{"TIMER_DELAY_SEC", "3"}}).value() == now + 3'000);
    CHECK(due({{"TIMER_DELAY_MS", "3"}}).value() == now + 3);
    CHECK(due({{"TIMER_DELIVER_MS", "1700000000007"}}).value() == now + 7);
    CHECK(due({{"TIMER_DELIVER_MS", "1700000000007"}, {"TIMER_DELAY_MS", "5"}}).value() == now + 5);
    CHECK(due({{"TIMER_DELIVER_MS", "1700000000007"}, {"TIMER_DELAY_MS", "5"}, {"TIMER_DELAY_SEC", "1"}}).value() == now + 1'000);
    CHECK(due({{"__STARTDELIVERTIME", "1700000000009"}}).value() == now + 9); // of Alibaba's ONS
    CHECK(due({{"__STARTDELIVERTIME", "1700000000009"}, {"TIMER_DELIVER_MS", "1700000000007"}}).value() == now + 7);
    CHECK(due({{"TAGS", "a"}}).value() == std::nullopt);
}

TEST_CASE("timer_message: what is due now or was due before is delivered at once") {
    for (const auto& [name, value] :
         protocol::properties{{"TIMER_DELIVER_MS", "1700000000000"}, {"TIMER_DELAY_SEC", "0"}, {"__STARTDELIVERTIME", "1600000000000"}})
        CHECK(due({{name, value}}).value() == std::nullopt);
    CHECK(due({{"TIMER_DELIVER_MS", "12"}}).value() == std::nullopt);
    CHECK(due({{"TIMER_DELIVER_MS", "-9223372036854775808"}}).value() == std::nullopt);
    CHECK(due({{"TIMER_DELAY_SEC", "-9223372036854775808"}}).value() == std::nullopt);
    // Delivered once already: a consumer sends it on, or gives it back.
    CHECK(due({{"TIMER_DELAY_SEC", "7"}, {"TIMER_OUT_MS", "1699999999999"}}).value() == std::nullopt);
}

TEST_CASE("timer_message: the horizon is the last moment that is allowed") {
    CHECK(due({{"TIMER_DELAY_SEC", "259200"}}).value() == now + horizon.count());
    CHECK(due({{"TIMER_DELAY_MS", "259200000"}}).value() == now + horizon.count());
    CHECK(due({{"TIMER_DELIVER_MS", std::to_string((now + horizon.count()).value())}}).ok());
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"TIMER_DELAY_SEC", "259201"},
                                                                                      {"TIMER_DELAY_MS", "259200001"},
                                                                                      {"TIMER_DELIVER_MS", "1700259200001"},
                                                                                      {"TIMER_DELIVER_MS", "9223372036854775807"},
                                                                                      {"TIMER_DELAY_SEC", "9223372036854775807"}}) {
        const auto refused = due({{name, value}});
        const auto setting = name + "=" + value; // Clang 14 captures no structured bindings
        REQUIRE_MESSAGE(!refused.ok(), setting);
        CHECK(refused.code() == errc::message_illegal);
        CHECK(refused.failure().text.find("259200000ms") != std::string::npos);
    }
}

TEST_CASE("timer_message: what is no number is refused by name") {
    for (const auto* value : {"soon", "1.5", " 1", "1 ", "9223372036854775808", "0x10", "+5"}) {
        const auto refused = due({{"TIMER_DELAY_MS", value}});
        REQUIRE_MESSAGE(!refused.ok(), value);
        CHECK(refused.code() == errc::message_illegal);
        CHECK(refused.failure().text.find("TIMER_DELAY_MS") != std::string::npos);
    }
}

TEST_CASE("timer_message: an order to delete a timer that comes too late is refused") {
    CHECK(due({{"TIMER_DEL_UNIQKEY", "k"}, {"TIMER_DELIVER_MS", "12"}}).code() == errc::message_illegal);
    CHECK(due({{"TIMER_DEL_UNIQKEY", "k"}, {"TIMER_DELAY_MS", "12"}}).ok());
}

TEST_CASE("timer_message: a parked message finds its way back, to a queue that there is") {
    topic_config topic;
    topic.name = "orders";
    topic.read_queues = topic.write_queues = 4;
    const topic_snapshot topics{permission::read_write, 0, {topic}};
    protocol::message message;
    message.topic = "orders";
    message.queue = queue_id{6};
    message.stored = timestamp_ms{11};
    message.properties = with({{"TAGS", "a"}, {"TIMER_DELAY_MS", "5"}});
    park_timer(message, timestamp_ms{99});
    CHECK(message.topic == timer_topic);
    CHECK(message.queue == queue_id{0});
    const auto facts = timer_facts_of(message.properties);
    CHECK(facts.due == timestamp_ms{99});
    CHECK(facts.topic == "orders");
    CHECK_FALSE(facts.is_recall);
    REQUIRE(unpark_timer(message, topics, timestamp_ms{100}));
    CHECK(message.topic == "orders");
    CHECK(message.queue == queue_id{2});
    CHECK(protocol::find_property(message.properties, "TIMER_DEQUEUE_MS") == "100");
    CHECK(protocol::find_property(message.properties, "TAGS") == "a");

    park_timer(message, timestamp_ms{99});
    const topic_snapshot none{permission::read_write, 0, {}};
    CHECK(unpark_timer(message, none, timestamp_ms{100}).code() == errc::topic_not_found);
    protocol::message lost;
    lost.topic = timer_topic;
    CHECK(unpark_timer(lost, topics, timestamp_ms{100}).code() == errc::corrupt);
}

TEST_CASE("timer_message: a message with as many properties as there may be can be delivered") {
    topic_config topic;
    topic.name = "o";
    const topic_snapshot topics{permission::read_write, 0, {topic}};
    protocol::message message;
    message.topic = "o";
    message.body = payload{"b"};
    for (std::size_t free = 0; free < 120; ++free) {
        message.topic = "o";
        message.queue = queue_id{0};
        message.properties = with({{"p", std::string(32'767 - 100 - free, 'x')}});
        park_timer(message, now);
        if (!protocol::encode_record(message))
            continue;
        REQUIRE(unpark_timer(message, topics, now));
        CHECK(protocol::encode_record(message).ok());
    }
}

TEST_CASE("timer_message: an order to recall names the timer, in both spellings") {
    const auto order = make_recall("orders", "KEY", now);
    CHECK(order.topic == timer_topic);
    const auto facts = timer_facts_of(order.properties);
    CHECK(facts.is_recall);
    CHECK(facts.topic == "orders");
    CHECK(facts.unique_key == "KEY");
    CHECK(protocol::find_property(order.properties, "TIMER_DEL_UNIQKEY") == "orders+KEY");
    const auto key_of = [](const std::string& text) {
        return std::string{timer_facts_of(with({{"TIMER_DEL_UNIQKEY", text}, {"REAL_TOPIC", "orders"}})).unique_key};
    };
    CHECK(key_of("orders+KEY") == "KEY");
    CHECK(key_of("KEY") == "KEY");
    CHECK(key_of("a+1") == "a+1");
    CHECK(key_of("orders") == "orders");
    CHECK(key_of("orders+a+1") == "a+1");
    for (const std::string key : {"a+1", "orders+1", "+", "key of x"})
        CHECK(std::string{timer_facts_of(make_recall("orders", key, now).properties).unique_key} == key);
    CHECK(protocol::encode_record(order).ok());
}

TEST_CASE("timer_message: nothing that waits for a retry topic is an order to recall another message") {
    const auto properties = with(
        {{"TIMER_DEL_UNIQKEY", "u1"}, {"TIMER_OUT_MS", "99"}, {"REAL_TOPIC", "%RETRY%billing"}, {"REAL_QID", "0"}, {"UNIQ_KEY", "u2"}});
    const auto facts = timer_facts_of(properties); // looks into them
    CHECK_FALSE(facts.is_recall);
    CHECK(facts.due == timestamp_ms{99});
    CHECK(facts.unique_key == "u2");
}

TEST_CASE("timer_message: a note of what was delivered says so again, and a damaged one is refused") {
    const std::vector<storage::timer_key> timers{{now, log_position{7}}, {now + 1, log_position{1ll << 40}}};
    CHECK(decode_done_note(encode_done_note(timers)).value() == timers);
    CHECK(decode_done_note(encode_done_note({})).value().empty());
    for (const auto& body : {std::string{}, std::string{"\2"}, encode_done_note(timers).substr(0, 20)})
        CHECK(decode_done_note(body).code() == errc::corrupt);
    CHECK(protocol::encode_record(make_done_note(timers)).ok());
}
