#include "client/internal/encode_send.hpp"
#include "client/internal/send_window.hpp"
#include "client/internal/subscription_filter.hpp"
#include "client/internal/tag_filter.hpp"
#include "client/internal/unique_key.hpp"
#include "protocol/properties.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <doctest/doctest.h>

#include <future>
#include <set>
#include <thread>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

message make_message() {
    message m;
    m.topic = "orders";
    m.body = "body";
    return m;
}

result<encoded_message> encode(message m) {
    static unique_key_generator ids;
    return encode_send(std::move(m), ids, 1'700'000'000'000);
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        static constexpr char digits[] = "0123456789abcdef";
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

} // namespace

TEST_CASE("encode_send: everything a message says becomes a property") {
    auto m = make_message();
    m.tags = "TagA";
    m.keys = {"k1", "k2"};
    m.sharding_key = "customer";
    m.properties["colour"] = "red";
    CHECK_FALSE(protocol::decode_properties(encode(m)->properties).contains("DELAY"));
    m.delay_level = 3;
    const auto encoded = encode(m);
    REQUIRE(encoded.ok());
    const auto properties = protocol::decode_properties(encoded->properties);
    CHECK(properties.at("TAGS") == "TagA");
    CHECK(properties.at("KEYS") == "k1 k2");
    CHECK(properties.at("__SHARDINGKEY") == "customer");
    CHECK(properties.at("colour") == "red");
    CHECK(properties.at("DELAY") == "3");
    CHECK(encoded->delayed);
    CHECK(properties.at("UNIQ_KEY") == encoded->message_id);
    CHECK(encoded->body.view() == "body");
}

TEST_CASE("encode_send: a message says in one way when it is to be delivered") {
    auto m = make_message();
    m.deliver_after = std::chrono::milliseconds{1'500};
    auto encoded = encode(m);
    REQUIRE(encoded.ok());
    CHECK(encoded->delayed);
    CHECK(protocol::decode_properties(encoded->properties).at("TIMER_DELAY_MS") == "1500");
    m.deliver_at = timestamp_ms{1'700'000'000'000};
    CHECK(encode(m).code() == errc::property_illegal);
    m.deliver_after.reset();
    encoded = encode(m);
    REQUIRE(encoded.ok());
    CHECK(encoded->delayed);
    CHECK(protocol::decode_properties(encoded->properties).at("TIMER_DELIVER_MS") == "1700000000000");
    m.delay_level = 1;
    CHECK(encode(m).code() == errc::property_illegal);
    m = make_message();
    m.deliver_after = std::chrono::milliseconds{-1};
    CHECK(encode(m).code() == errc::property_illegal);
    m.deliver_after = std::chrono::milliseconds{0};
    CHECK(encode(m).ok());
    for (const auto* name : {"TIMER_DELAY_SEC", "TIMER_DELAY_MS", "TIMER_DELIVER_MS", "TIMER_OUT_MS", "__STARTDELIVERTIME"}) {
        m = make_message();
        m.properties[name] = "3"; // has a place of its own
        CHECK(encode(m).code() == errc::property_illegal);
    }
}

TEST_CASE("encode_send: what a broker would refuse is refused before it travels") {
    auto m = make_message();
    m.topic = "bad topic";
    CHECK(encode(m).code() == errc::topic_illegal);
    m = make_message();
    m.body.clear();
    CHECK(encode(m).code() == errc::message_illegal);
    m.body.assign(limits::body_bytes_max, 'x');
    CHECK(encode(m).ok());
    m.body += 'x';
    CHECK(encode(m).code() == errc::body_too_large);
    m = make_message();
    m.properties["UNIQ_KEY"] = "mine";
    CHECK(encode(m).code() == errc::property_illegal);
    m = make_message();
    m.keys = {"two words"};
    CHECK(encode(m).code() == errc::property_illegal);
    m = make_message();
    m.properties["DELAY"] = "3"; // has a place of its own
    CHECK(encode(m).code() == errc::property_illegal);
    m = make_message();
    m.delay_level = -1;
    CHECK(encode(m).code() == errc::property_illegal);
    m = make_message();
    m.tags = "a\001b";
    CHECK(encode(m).code() == errc::property_illegal);
    m = make_message();
    m.properties["p"] = std::string(limits::properties_bytes_max, 'x');
    CHECK(encode(m).code() == errc::properties_too_large);
}

TEST_CASE("encode_half: a message of a transaction that is delayed in any way is refused") {
    unique_key_generator ids;
    auto m = make_message();
    m.delay_level = 0;
    CHECK(encode_half(m, "g", ids, 0).ok());
    m.delay_level = 3;
    CHECK(encode_half(m, "g", ids, 0).code() == errc::message_illegal);
    m.delay_level = 0;
    m.deliver_after = std::chrono::milliseconds{1'000};
    CHECK(encode_half(m, "g", ids, 0).code() == errc::message_illegal);
    m.deliver_after.reset();
    m.deliver_at = timestamp_ms{1'700'000'000'000};
    CHECK(encode_half(m, "g", ids, 0).code() == errc::message_illegal);
}

TEST_CASE("encode_batch: the body has RocketMQ's bytes") {
    encoded_message m;
    m.body = payload{"hi"};
    m.properties = "WAIT\001true\002TAGS\001TagA\002";
    const std::array<const encoded_message*, 1> one{&m};
    CHECK(hex(encode_batch(one).view()) == "0000002c0000000000000000000000000000000268690014574149540174727565025441475301546167410"
                                           "2");
    CHECK(batch_bytes(m) == 44);
    m.flag = -2;
    CHECK(hex(encode_batch(one).view()).substr(24, 8) == "fffffffe");
    const std::array<const encoded_message*, 2> two{&m, &m};
    CHECK(encode_batch(two).size() == 88);
}

TEST_CASE("split_ids: takes a batch's answer apart, tolerating what is missing") {
    CHECK(split_ids("A,B", 2) == std::vector<std::string>{"A", "B"});
    CHECK(split_ids("A", 1) == std::vector<std::string>{"A"});
    CHECK(split_ids("A", 3) == std::vector<std::string>{"A", "", ""});
    CHECK(split_ids("", 1) == std::vector<std::string>{""});
}

TEST_CASE("unique_key: 32 hex digits, different every time, also past 65,536 in one millisecond") {
    unique_key_generator ids{0x0A000001u, 0x1234, 7};
    CHECK(ids.next(0) == "0A000001"
                         "1234"
                         "00000007"
                         "00000000"
                         "0000");
    std::set<std::string> seen;
    for (int i = 0; i < 200'000; ++i)
        seen.insert(ids.next(5));
    CHECK(seen.size() == 200'000);
    CHECK(seen.begin()->size() == 32);
    CHECK(generate_client_id("DEFAULT") != generate_client_id("DEFAULT"));
    CHECK(generate_client_id("mine") == generate_client_id("mine"));
}

TEST_CASE("tag_filter: tests tags by their text") {
    CHECK(tag_filter::parse("*")->matches("anything"));
    CHECK(tag_filter::parse("")->matches(""));
    const auto two = tag_filter::parse(" TagB||TagA ");
    REQUIRE(two.ok());
    CHECK(two->matches("TagA"));
    CHECK(two->matches("TagB"));
    CHECK_FALSE(two->matches("TagC"));
    CHECK_FALSE(two->matches(""));
    CHECK(two->to_expression() == "TagA || TagB");
    for (const auto* wrong : {"||", "A ||", "A || || B", "A | B", "* || A"})
        CHECK(tag_filter::parse(wrong).code() == errc::subscription_illegal);
}

TEST_CASE("subscription_filter: tags are tested here too, conditions by the broker alone") {
    const subscription_filter everything;
    CHECK(everything.matches(""));
    CHECK(everything.expression() == "*");
    CHECK(everything.type() == "TAG");
    const auto tags = subscription_filter::parse(" TagB||TagA ");
    REQUIRE(tags.ok());
    CHECK(tags->matches("TagA"));
    CHECK_FALSE(tags->matches("TagC"));
    CHECK(tags->expression() == "TagA || TagB");
    CHECK(tags->type() == "TAG");
    const auto sql = subscription_filter::parse(message_selector::sql92("TAGS = 'TagA'"));
    REQUIRE(sql.ok());
    CHECK(sql->matches("TagC"));
    CHECK(sql->expression() == "TAGS = 'TagA'");
    CHECK(sql->type() == "SQL92");
    CHECK(*sql == *subscription_filter::parse(message_selector::sql92("TAGS = 'TagA'")));
    // The same text in the other language is another subscription.
    CHECK_FALSE(*sql == *subscription_filter::parse("TAGS = 'TagA'"));
    CHECK_FALSE(*tags == everything);
    CHECK(subscription_filter::parse(message_selector::sql92("a =")).code() == errc::subscription_illegal);
}

TEST_CASE("send_window: bounds messages and bytes, but one message always fits") {
    send_window window{2, 100};
    CHECK(window.try_take(1, 500));
    CHECK_FALSE(window.try_take(1, 1));
    window.release(1, 500);
    CHECK(window.try_take(1, 60));
    CHECK_FALSE(window.try_take(1, 41));
    CHECK(window.try_take(1, 40));
    CHECK_FALSE(window.try_take(1, 0));
    CHECK(window.messages() == 2);
    CHECK(window.bytes() == 100);
}

TEST_CASE("send_window: a waiter gets in as soon as there is room, and gives up at its deadline") {
    send_window window{1, 100};
    REQUIRE(window.try_take(1, 10));
    CHECK_FALSE(window.take(1, 10, std::chrono::steady_clock::now()));
    auto waiting = std::async(std::launch::async, [&] { return window.take(1, 10, std::chrono::steady_clock::now() + 30s); });
    window.release(1, 10);
    CHECK(waiting.get());
}

TEST_CASE("send_window: is empty only when the callbacks have returned, too") {
    send_window window{1, 100};
    REQUIRE(window.try_take(1, 10));
    window.release(1, 10, true);
    CHECK(window.try_take(1, 10)); // room is there before the callback ends
    window.release(1, 10);
    CHECK_FALSE(window.wait_empty(std::chrono::steady_clock::now()));
    auto waiting = std::async(std::launch::async, [&] { return window.wait_empty(std::chrono::steady_clock::now() + 30s); });
    window.callback_ended();
    CHECK(waiting.get());
}

TEST_CASE("send_window: closing sends waiters away") {
    send_window window{1, 100};
    REQUIRE(window.try_take(1, 10));
    auto waiting = std::async(std::launch::async, [&] { return window.take(1, 10, std::chrono::steady_clock::now() + 30s); });
    window.close();
    CHECK_FALSE(waiting.get());
    window.release(1, 10);
    CHECK_FALSE(window.try_take(1, 10));
    CHECK(window.wait_empty(std::chrono::steady_clock::now()));
}
