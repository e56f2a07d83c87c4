#include "actors/schedule/message_return.hpp"

#include "actors/base/topic_directory.hpp"
#include "actors/messages/messages.hpp"
#include "actors/schedule/delayed_message.hpp"
#include "actors/schedule/timer_message.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace troupe;
using namespace troupe::actors;

namespace {

const protocol::host_address here{{127, 0, 0, 1}, false, 10911};

protocol::message failed_message() {
    protocol::message message;
    message.topic = "orders";
    message.queue = queue_id{3};
    message.offset = queue_offset{7};
    message.position = log_position{0x1234};
    message.flag = 5;
    message.sys_flag = 1;
    message.born = timestamp_ms{42};
    message.born_host = {{10, 0, 0, 9}, false, 40'000};
    message.store_host = here;
    message.body = payload{"hello"};
    message.properties = "TAGS\1TagA\2KEYS\1k1\2UNIQ_KEY\1u1\2";
    return message;
}

std::string property(const protocol::message& message, std::string_view name) {
    return std::string{protocol::find_property(message.properties, name).value_or("")};
}

} // namespace

TEST_CASE("a failed message keeps what it is, and learns where it came from") {
    const auto [copy, level, delay] = return_message(failed_message(), {"billing", 0, 16});
    CHECK(level == 3);
    CHECK_FALSE(delay.has_value());
    CHECK(copy.topic == "%RETRY%billing");
    CHECK(copy.body.view() == "hello");
    CHECK(copy.flag == 5);
    CHECK(copy.sys_flag == 1);
    CHECK(copy.born == timestamp_ms{42});
    CHECK(copy.born_host == failed_message().born_host);
    CHECK(copy.reconsume_times == 1);
    CHECK(protocol::decode_properties(copy.properties) == protocol::properties{{"TAGS", "TagA"},
                                                                               {"KEYS", "k1"},
                                                                               {"UNIQ_KEY", "u1"},
                                                                               {"RETRY_TOPIC", "orders"},
                                                                               {"ORIGIN_QUEUE_ID", "3"},
                                                                               {"ORIGIN_MESSAGE_ID", "7F00000100002A9F0000000000001234"},
                                                                               {"WAIT", "false"},
                                                                               {"DELAY", "3"}});
}

TEST_CASE("a message that fails again keeps its first topic, queue and id, and waits longer each time") {
    auto message = failed_message();
    for (int tries = 0; tries < 16; ++tries) {
        auto [copy, level, delay] = return_message(message, {"billing", 0, 16});
        CHECK(level == 3 + tries);
        CHECK(copy.reconsume_times == tries + 1);
        CHECK(property(copy, "RETRY_TOPIC") == "orders");
        CHECK(property(copy, "ORIGIN_QUEUE_ID") == "3");
        CHECK(property(copy, "ORIGIN_MESSAGE_ID") == "7F00000100002A9F0000000000001234");
        message = copy;
        message.queue = queue_id{0};            // of the retry topic
        message.position = log_position{9'999}; // where it was stored this time
    }
    const auto [copy, level, delay] = return_message(message, {"billing", 0, 16});
    CHECK(level == 0);
    CHECK(copy.topic == "%DLQ%billing");
    CHECK(copy.reconsume_times == 17);
    CHECK(property(copy, "ORIGIN_QUEUE_ID") == "3");
    CHECK(property(copy, "DELAY") == "0");
}

TEST_CASE("the queue of a retry topic is never taken for the one that a message came from") {
    auto message = failed_message();
    message.topic = "%RETRY%billing";
    message.properties += "RETRY_TOPIC\1orders\2"; // its consumer sent it there itself, and did not say from which queue
    CHECK(property(return_message(message, {"billing", -1, 16}).copy, "ORIGIN_QUEUE_ID").empty());
    message = failed_message();
    message.properties += "ORIGIN_QUEUE_ID\1"
                          "8\2"; // of another message that its sender passed on
    CHECK(property(return_message(message, {"billing", -1, 16}).copy, "ORIGIN_QUEUE_ID") == "3");
}

TEST_CASE("the consumer chooses a level, or that there is no further try") {
    CHECK(return_message(failed_message(), {"g", 5, 16}).delay_level == 5);
    const auto dead = return_message(failed_message(), {"g", -1, 16});
    CHECK(dead.delay_level == 0);
    CHECK(dead.copy.topic == "%DLQ%g");
    CHECK(return_message(failed_message(), {"g", 0, 0}).copy.topic == "%DLQ%g");
    CHECK(return_message(failed_message(), {"g", 0, -1}).copy.topic == "%RETRY%g"); // -1: as many as usual
    auto message = failed_message();
    message.reconsume_times = 16;
    CHECK(return_message(message, {"g", 0, -1}).copy.topic == "%DLQ%g");
}

TEST_CASE("a policy says how long a failed message waits, unless its consumer does") {
    retry_policy listed;
    listed.delays_ms = {1, 2, 30, 400};
    auto message = failed_message();
    const auto delay = [&message](const retry_policy& retries, std::int32_t tries, std::int32_t level = 0) {
        message.reconsume_times = tries;
        const auto returned = return_message(message, {"g", level, 1'000, retries});
        CHECK(returned.delay.has_value() == property(returned.copy, "DELAY").empty());
        CHECK(returned.delay_level > 0);
        return returned.delay.value_or(std::chrono::milliseconds{-1}).count();
    };
    CHECK(delay(listed, 0) == 30); // as in RocketMQ, the third is for the first failure
    CHECK(delay(listed, 1) == 400);
    CHECK(delay(listed, 99) == 400);
    CHECK(delay(listed, 0, 5) == -1);
    listed.delays_ms = {7};
    CHECK(delay(listed, 0) == 7);
    retry_policy growing;
    growing.is_exponential = growing.has_growth = true;
    CHECK(delay(growing, 0) == 5'000);
    CHECK(delay(growing, 1) == 10'000);
    CHECK(delay(growing, 10) == 5'120'000);
    CHECK(delay(growing, 11) == 7'200'000);
    CHECK(delay(growing, 999) == 7'200'000);
    growing.multiplier = std::numeric_limits<std::int64_t>::max();
    CHECK(delay(growing, 0) == 5'000);
    CHECK(delay(growing, 1) == 7'200'000);
    growing.multiplier = 1;
    CHECK(delay(growing, 999) == 5'000);
    growing.has_growth = false; // nobody said how: as without a policy
    CHECK(delay(growing, 0) == -1);
    growing.has_growth = true;
    message.reconsume_times = 16;
    const auto dead = return_message(message, {"g", 0, 16, growing});
    CHECK_FALSE(dead.delay.has_value());
    CHECK(dead.copy.topic == "%DLQ%g");
}

TEST_CASE("a policy that cannot be followed is refused, naming what of it") {
    const auto refusal = [](const auto& change) {
        retry_policy retries;
        retries.has_growth = true;
        change(retries);
        const auto checked = check_retries(retries, timer_horizon_default);
        return checked ? std::string{} : checked.failure().text;
    };
    CHECK(refusal([](auto&) {}).empty());
    CHECK(refusal([](auto& p) { p.delays_ms.assign(20, 0); }).empty());
    CHECK(refusal([](auto& p) { p.delays_ms.assign(21, 1); }).find("21 delays") != std::string::npos);
    CHECK(refusal([](auto& p) { p.delays_ms = {1, -1}; }).find("a delay is -1 ms") != std::string::npos);
    CHECK(refusal([](auto& p) { p.max_ms = timer_horizon_default.count() + 1; }).find("max is") != std::string::npos);
    CHECK(refusal([](auto& p) { p.initial_ms = 0; }).find("initial is 0 ms") != std::string::npos);
    CHECK(refusal([](auto& p) { p.initial_ms = p.max_ms + 1; }).find("initial is 7200001 ms") != std::string::npos);
    CHECK(refusal([](auto& p) { p.multiplier = 0; }).find("multiplier is 0") != std::string::npos);
}

TEST_CASE("a message that a consumer sends to its retry topic itself is dead beyond the limit, and at it for one that reads in order") {
    CHECK(judge_own_retry(0, 16) == own_retry::tried_again);
    CHECK(judge_own_retry(15, 16) == own_retry::tried_again);
    CHECK(judge_own_retry(16, 16) == own_retry::dead_if_in_order);
    CHECK(judge_own_retry(17, 16) == own_retry::dead);
    CHECK(judge_own_retry(0, 0) == own_retry::dead_if_in_order);
    CHECK(judge_own_retry(16, -1) == own_retry::dead_if_in_order); // the usual limit
}

TEST_CASE("a dead message that a consumer sends to its retry topic itself goes to the dead letter topic, and does not wait") {
    send_messages order;
    order.topic = "%RETRY%g";
    order.queue = queue_id{2};
    order.properties = "DELAY\1"
                       "19\2";
    divert_to_dead_letters(order, "g");
    CHECK(order.topic == "%DLQ%g");
    CHECK(order.queue == queue_id{0});
    CHECK(protocol::find_property(order.properties, "DELAY") == "-1");
}

TEST_CASE("a parked message says where it goes, and goes there again") {
    auto message = failed_message();
    park(message, 4, 18);
    CHECK(message.topic == "SCHEDULE_TOPIC_XXXX");
    CHECK(message.queue == queue_id{3});
    CHECK(property(message, "DELAY") == "4");
    CHECK(property(message, "REAL_TOPIC") == "orders");
    CHECK(property(message, "REAL_QID") == "3");
    REQUIRE(unpark(message));
    CHECK(message.topic == "orders");
    CHECK(message.queue == queue_id{3});
    CHECK(property(message, "DELAY") == "4");
    CHECK(property(message, "REAL_QID") == "3");
}

TEST_CASE("a level above the last counts as the last") {
    auto message = failed_message();
    park(message, 99, 18);
    CHECK(message.queue == queue_id{17});
    CHECK(property(message, "DELAY") == "18");
}

TEST_CASE("a parked message without a destination stays what it is") {
    for (const std::string properties : {"", "REAL_TOPIC\1t\2", "REAL_TOPIC\1t\2REAL_QID\1x\2", "REAL_TOPIC\1t\2REAL_QID\1-1\2"}) {
        auto message = failed_message();
        message.properties = properties;
        CHECK(unpark(message).code() == errc::corrupt);
        CHECK(message == [&] {
            auto same = failed_message();
            same.properties = properties;
            return same;
        }());
    }
}

TEST_CASE("a delay level is a number") {
    CHECK(*delay_level_of("") == 0);
    CHECK(*delay_level_of("DELAY\1-1\2") == -1);
    CHECK(*delay_level_of("DELAY\1"
                          "18\2") == 18);
    CHECK(delay_level_of("DELAY\1soon\2").code() == errc::property_illegal);
    CHECK(default_delay_levels().size() == 18);
}

TEST_CASE("how often a message was tried is what its sender says, and costs nobody anything") {
    constexpr auto most = std::numeric_limits<std::int32_t>::max();
    auto message = failed_message();
    message.reconsume_times = -2'000'000'000;
    const auto low = return_message(message, {"billing", 0, 16});
    CHECK(low.delay_level == 3);
    CHECK(low.copy.reconsume_times == 1);
    message.reconsume_times = most;
    CHECK(return_message(message, {"billing", 0, 16}).copy.topic == "%DLQ%billing");
    message.reconsume_times = most - 1;
    const auto high = return_message(message, {"billing", 0, most});
    CHECK(high.copy.topic == "%RETRY%billing");
    CHECK(high.delay_level > 0);
    CHECK(high.copy.reconsume_times > 0);
}

TEST_CASE("a message that waits by policy is no order to recall another one") {
    retry_policy growing;
    growing.is_exponential = growing.has_growth = true;
    auto message = failed_message();
    message.properties += "TIMER_DEL_UNIQKEY\1orders+u2\2";
    auto [copy, level, delay] = return_message(message, {"billing", 0, 16, growing});
    REQUIRE(delay.has_value());
    park_timer(copy, timestamp_ms{1'000});
    const auto facts = timer_facts_of(copy.properties);
    CHECK_FALSE(facts.is_recall);
    CHECK(facts.due == timestamp_ms{1'000});
    CHECK(facts.topic == "%RETRY%billing");
    CHECK(facts.unique_key == "u1");
}

// Goal: what found room at its first give-back finds room at every later one, whatever decides how long it waits.
TEST_CASE("a large message that could be given back once can be given back again") {
    retry_policy growing;
    growing.is_exponential = growing.has_growth = true;
    topic_config retries;
    retries.name = "%RETRY%billing";
    const topic_snapshot topics{permission::read_write, 0, {retries}};
    const timestamp_ms now{1'700'000'000'000};
    const auto store = [&](protocol::message failed, const retry_policy& policy) -> result<protocol::message> {
        auto [copy, level, delay] = return_message(std::move(failed), {"billing", 0, 16, policy});
        copy.queue = queue_id{0};
        if (delay)
            park_timer(copy, now);
        else
            park(copy, level, 18);
        const auto record = encode_returned(copy, true);
        return record ? result<protocol::message>{std::move(copy)} : record.failure();
    };
    int stored = 0;
    int refused = 0;
    for (std::size_t left = 0; left < 300; ++left) {
        CAPTURE(left);
        auto message = failed_message();
        message.properties += "fill\1";
        message.properties.append(limits::properties_bytes_max - left - message.properties.size() - 1, 'x').push_back('\2');
        auto first = store(std::move(message), growing);
        if (!first) {
            CHECK(first.code() == errc::properties_too_large);
            ++refused;
            continue;
        }
        ++stored;
        first->stored = now;
        REQUIRE(unpark_timer(*first, topics, now));
        const auto again = store(*first, growing);
        REQUIRE(again);
        CHECK(again->topic == timer_topic);
        CHECK(property(*again, "TIMER_OUT_MS") == to_string(now));
        CHECK(property(*again, "RETRY_TOPIC") == "orders");
        const auto by_level = store(*first, {});
        REQUIRE(by_level);
        CHECK(by_level->topic == schedule_topic);
        CHECK(property(*by_level, "DELAY") == "4");
    }
    CHECK(stored > 0);
    CHECK(refused > 0);
}
