#include "actors/schedule/timer_keeper.hpp"
#include "actors/wire/wire.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/recall_handle.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"

#include <caf/actor_cast.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>

// Timed messages as RocketMQ's clients and our own tools ask for them. Cases: RecallMessageRequestHeader.

using namespace troupe;
using namespace troupe::actors;
namespace request = protocol::request_code;
namespace response = protocol::response_code;

namespace {

struct timer_wire_world : wire_world {
    using wire_world::wire_world;

    protocol::remoting_command send(const std::string& properties, const std::string& body = "hello") {
        return call(request::send_message_v2,
                    {{"a", "producers"},
                     {"b", "orders"},
                     {"c", "TBW102"},
                     {"d", "4"},
                     {"e", "0"},
                     {"f", "0"},
                     {"g", "0"},
                     {"h", "0"},
                     {"i", properties},
                     {"j", "0"}},
                    body);
    }
    template <class Answer, class Order>
    result<Answer> ask_timers(const Order& order) {
        caf::scoped_actor self{system};
        result<Answer> outcome = error{errc::internal, "nothing came back"};
        self->request(caf::actor_cast<timers_actor>(proxy), std::chrono::seconds{30}, order)
            .receive([&](Answer& answer) { outcome = std::move(answer); }, [&](caf::error& failure) { outcome = to_error(failure); });
        return outcome;
    }
};

std::string properties(const std::string& name, const std::string& value, const std::string& key) {
    std::string text;
    protocol::set_property(text, name, value);
    protocol::set_property(text, "UNIQ_KEY", key);
    return text;
}

} // namespace

TEST_CASE_FIXTURE(timer_wire_world, "a timed message is answered with a handle, and RECALL_MESSAGE takes it back by that") {
    const auto stored = send(properties("TIMER_DELAY_SEC", "60", "KEY1"));
    REQUIRE(stored.code == response::success);
    REQUIRE(stored.fields.find("recallHandle") != nullptr);
    const std::string handle{*stored.fields.find("recallHandle")};
    CHECK(protocol::decode_recall_handle(handle)->unique_key == "KEY1");
    for (int i = 0; i < 2; ++i) {
        const auto recalled =
            call(request::recall_message, {{"topic", "orders"}, {"recallHandle", handle}, {"producerGroup", "producers"}});
        CHECK(recalled.code == response::success);
        REQUIRE(recalled.fields.find("msgId") != nullptr);
        CHECK(*recalled.fields.find("msgId") == "KEY1");
        CHECK(*recalled.fields.find("MSG_REGION") == "DefaultRegion");
    }
    CHECK(send({}).fields.find("recallHandle") == nullptr);
}

TEST_CASE_FIXTURE(timer_wire_world, "a recall that names nothing is answered with RocketMQ's codes") {
    const auto recall = [this](const std::string& topic, const std::string& handle) {
        return call(request::recall_message, {{"topic", topic}, {"recallHandle", handle}}).code;
    };
    const auto handle = protocol::encode_recall_handle({"orders", "other", timestamp_ms{1}, "KEY"});
    CHECK(recall("orders", handle) == response::illegal_operation);
    CHECK(recall("orders", "x") == response::illegal_operation);
    CHECK(recall("none", handle) == response::topic_not_exist);
    CHECK(call(request::recall_message, {{"topic", "orders"}}).code == response::system_error);
    CHECK(send(properties("TIMER_DELAY_SEC", "259201", "K")).code == response::message_illegal);
}

TEST_CASE_FIXTURE(timer_wire_world, "our own tools list, show and cancel timers through a proxy") {
    for (const auto* key : {"K1", "K2", "K3"})
        REQUIRE(send(properties("TIMER_DELAY_SEC", "60", key)).code == response::success);
    const auto listed = ask_timers<timers_listed>(list_timers{"orders", {}, 2});
    REQUIRE(listed.ok());
    CHECK(listed->pending == 3);
    CHECK(protocol::decode_records(listed->records)->size() == 2);
    const auto rest = ask_timers<timers_listed>(list_timers{"", listed->next, 9});
    REQUIRE(rest.ok());
    CHECK(protocol::decode_records(rest->records)->size() == 1);
    CHECK(rest->next == storage::no_timer_key);
    CHECK(protocol::decode_record(ask_timers<timer_found>(find_timer{"orders", "K2"})->record)->body.view() == "hello");
    CHECK(ask_timers<timer_cancelled>(cancel_timer{"orders", "K2"}).ok());
    CHECK(ask_timers<timer_cancelled>(cancel_timer{"orders", "K2"}).code() == errc::message_not_found);
    CHECK(ask_timers<timer_found>(find_timer{"orders", "K2"}).code() == errc::message_not_found);
    const auto handle = protocol::encode_recall_handle({"orders", "other", timestamp_ms{1}, "KEY"});
    CHECK(ask_timers<message_recalled>(recall_message{"orders", handle, "g"}).code() == errc::operation_illegal);
    CHECK(node->timer_admission()->under_way() == 0);
}

TEST_CASE_FIXTURE(timer_wire_world, "a key that could not be written into a property ends no broker, and is refused") {
    const auto time = timestamp_ms{
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count() + 60'000};
    for (const std::string key : {"a\x02y", "a\x01y"}) {
        const auto handle = protocol::encode_recall_handle({"orders", node->options().broker_name, time, key});
        CHECK(call(request::recall_message, {{"topic", "orders"}, {"recallHandle", handle}}).code == response::illegal_operation);
        CHECK(ask_timers<timer_cancelled>(cancel_timer{"orders", key}).code() == errc::argument_illegal);
        CHECK(ask_timers<timer_found>(find_timer{"orders", key}).code() == errc::argument_illegal);
        CHECK(ask_timers<timer_cancelled>(cancel_timer{key, "k"}).code() == errc::topic_illegal);
        CHECK(send("TIMER_DELAY_SEC\x01"
                   "60\x02UNIQ_KEY\x01" +
                   key)
                  .code == (key[1] == '\x01' ? response::message_illegal : response::success));
    }
    CHECK(ask_timers<timer_cancelled>(cancel_timer{"orders", ""}).code() == errc::argument_illegal);
    CHECK(node->timer_admission()->under_way() == 0);
}

TEST_CASE("what is said of timers is the same on the other side of the wire") {
    using namespace net;
    const list_timers list{"orders", {timestamp_ms{7}, log_position{8}}, 9};
    const auto listed = decode_request<list_timers>(encode_request(list));
    REQUIRE(listed);
    CHECK(listed->topic == list.topic);
    CHECK(listed->from == list.from);
    CHECK(listed->timers_max == 9);
    const auto answered = decode_answer<timers_listed>(encode_answer(timers_listed{payload{"r"}, storage::no_timer_key, 5}));
    REQUIRE(answered);
    CHECK(answered->records.view() == "r");
    CHECK(answered->next == storage::no_timer_key);
    CHECK(answered->pending == 5);
    const auto recall = decode_request<recall_message>(encode_request(recall_message{"t", "h", "g"}));
    REQUIRE(recall);
    CHECK(recall->topic == "t");
    CHECK(recall->handle == "h");
    CHECK(recall->producer_group == "g");
    const auto find = decode_request<find_timer>(encode_request(find_timer{"t", "k"}));
    REQUIRE(find);
    CHECK(find->unique_key == "k");
    const auto cancel = decode_request<cancel_timer>(encode_request(cancel_timer{"t", "k"}));
    REQUIRE(cancel);
    CHECK(cancel->topic == "t");
    CHECK(decode_answer<message_recalled>(encode_answer(message_recalled{"k", "r"}))->region == "r");
    CHECK(decode_answer<timer_found>(encode_answer(timer_found{payload{"r"}}))->record.view() == "r");
}
