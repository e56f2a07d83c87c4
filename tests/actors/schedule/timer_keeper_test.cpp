#include "actors/schedule/timer_keeper.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/message_back.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/recall_handle.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "tests/actors/broker_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

std::string timed(const std::string& name, std::int64_t value, const std::string& key = {}) {
    std::string properties;
    protocol::set_property(properties, name, std::to_string(value));
    if (!key.empty())
        protocol::set_property(properties, "UNIQ_KEY", key);
    return properties;
}

struct timed_world : broker_world {
    std::vector<std::string> logged;

    explicit timed_world(broker_options options = small_broker()) : broker_world{std::move(options)} {
        set_log_sink([this](log_level, std::string_view text) { logged.emplace_back(text); });
        make_topic("orders");
    }
    ~timed_world() {
        stop();
        set_log_sink({});
    }
    timed_world(const timed_world&) = delete;
    timed_world& operator=(const timed_world&) = delete;

    messages_stored send_timed(const std::string& body, const std::string& properties) {
        const auto stored = answer<messages_stored>(message(body, 0, properties));
        REQUIRE_MESSAGE(stored.ok(), to_string(stored.ok() ? error{} : stored.failure()));
        return *stored;
    }
    std::vector<protocol::message> messages() {
        auto order = pull(0);
        order.messages_max = 1'000;
        order.bytes_max = 4u << 20;
        const auto pulled = answer<messages_pulled>(order);
        REQUIRE(pulled);
        auto all = protocol::decode_records(pulled->records);
        REQUIRE(all);
        return *all;
    }
    std::vector<std::string> texts() {
        std::vector<std::string> all;
        for (const auto& one : messages())
            all.emplace_back(one.body.view());
        return all;
    }
    template <class Answer, class Order>
    result<Answer> ask_timers(const Order& order) {
        REQUIRE(node->timer_admission()->try_acquire(1));
        const auto place = world.ask<Answer>(node->timer_keeper(), order);
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        CHECK(node->timer_admission()->under_way() == 0);
        return **place;
    }
    result<message_recalled> recall(const std::string& handle, const std::string& topic = "orders") {
        return ask_timers<message_recalled>(recall_message{topic, handle, "producers"});
    }
    [[nodiscard]] timestamp_ms now() { return world.wall_clock()(); }
    std::string value(const std::string& name) {
        const auto described = answer<broker_described>(describe_broker{});
        REQUIRE(described);
        return described->values.at(name);
    }
};

using texts = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(timed_world, "timers: seconds, milliseconds and an absolute time, none early and at rest at most 100 ms late") {
    const auto sent = now();
    send_timed("sec", timed("TIMER_DELAY_SEC", 2));
    send_timed("ms", timed("TIMER_DELAY_MS", 1'234));
    send_timed("at", timed("TIMER_DELIVER_MS", (sent + 700).value()));
    send_timed("over", timed("TIMER_DELIVER_MS", 17));
    send_timed("none", {});
    CHECK(texts() == ::texts{"over", "none"});
    world.advance(3s);
    const auto all = messages();
    REQUIRE(all.size() == 5);
    const std::map<std::string, std::int64_t> delays{{"sec", 2'000}, {"ms", 1'234}, {"at", 700}};
    for (const auto& one : all)
        if (const auto delay = delays.find(std::string{one.body.view()}); delay != delays.end()) {
            CAPTURE(delay->first);
            CHECK(one.stored - sent >= delay->second);
            CHECK(one.stored - sent <= delay->second + 110); // the send took up to a step of 10 ms
        }
    CHECK(texts() == ::texts{"over", "none", "at", "ms", "sec"});
}

TEST_CASE_FIXTURE(timed_world, "timers: three days pass in a moment") {
    const auto began = std::chrono::steady_clock::now();
    const auto stored = send_timed("patient", timed("TIMER_DELAY_SEC", 72 * 3'600));
    CHECK(stored.queue == queue_id{0});
    world.advance(72h - 1s, 1h);
    CHECK(texts().empty());
    world.advance(2s);
    CHECK(texts() == ::texts{"patient"});
    CHECK(std::chrono::steady_clock::now() - began < 5s);
}

TEST_CASE_FIXTURE(timed_world, "timers: a time that is too far ahead, or no time, is refused as RocketMQ does") {
    const auto code = [this](const std::string& properties) { return answer<messages_stored>(message("m", 0, properties)).code(); };
    CHECK(code(timed("TIMER_DELAY_SEC", 72 * 3'600)) == errc::none);
    CHECK(code(timed("TIMER_DELAY_SEC", 72 * 3'600 + 1)) == errc::message_illegal);
    CHECK(code("TIMER_DELAY_MS\x01soon\x02") == errc::message_illegal);
}

TEST_CASE("timers: the horizon is an option, to a year") {
    auto options = small_broker();
    options.timer_horizon = std::chrono::hours{24 * 366};
    timed_world broker{options};
    broker.send_timed("next year", timed("TIMER_DELAY_SEC", 365 * 24 * 3'600));
    CHECK(broker.value("timersPending") == "1");
    broker.world.advance(std::chrono::hours{24 * 365 - 1}, std::chrono::hours{24 * 5});
    CHECK(broker.texts().empty());
    broker.world.advance(3'601s, 600s);
    CHECK(broker.texts() == texts{"next year"});
}

TEST_CASE_FIXTURE(timed_world, "timers: a delay level wins, and messages of a batch cannot be timed") {
    auto properties = timed("TIMER_DELAY_SEC", 5);
    protocol::set_property(properties, "DELAY", "1");
    CHECK(send_timed("level", properties).recall_handle.empty());
    const auto element = [](const std::string& body, const std::string& said) {
        std::string out;
        append_be<std::int32_t>(out, static_cast<std::int32_t>(22 + body.size() + said.size()));
        append_be<std::int32_t>(out, 0);
        append_be<std::int32_t>(out, 0);
        append_be<std::int32_t>(out, 0);
        append_be<std::int32_t>(out, static_cast<std::int32_t>(body.size()));
        out += body;
        append_be<std::int16_t>(out, static_cast<std::int16_t>(said.size()));
        return out + said;
    };
    auto batch = message(element("one", {}) + element("two", {}));
    batch.batch = true;
    CHECK(answer<messages_stored>(batch).ok());
    batch.body = payload{element("three", {}) + element("four", timed("TIMER_DELAY_SEC", 1))};
    CHECK(answer<messages_stored>(batch).code() == errc::message_illegal);
    world.advance(1'500ms);
    CHECK(texts() == ::texts{"one", "two", "level"}); // nothing of the second batch
}

TEST_CASE_FIXTURE(timed_world, "timers: many that are due together come in their order, in batches, and soon") {
    for (int i = 0; i < 1'500; ++i)
        send_timed(std::to_string(i), timed("TIMER_DELIVER_MS", 1'700'000'100'000));
    CHECK(value("timersPending") == "1500");
    CHECK(value("timerCongestNum") == "1500");
    world.advance(10s, 100ms);
    CHECK(std::stod(value("timerEnqueueTps")) == doctest::Approx(150).epsilon(0.2));
    CHECK(value("timerDequeueTps") == "0.0");
    world.advance(20s, 1s);
    CHECK(value("timerEnqueueTps") == "0.0");
    world.advance(std::chrono::milliseconds{1'700'000'100'000 - now().value()}, 1s);
    world.advance(100ms);
    std::vector<std::string> all;
    for (std::int64_t at = 0; at < 1'500;) {
        auto order = pull(at);
        order.messages_max = 1'000;
        const auto pulled = answer<messages_pulled>(order);
        REQUIRE(pulled);
        for (auto& body : bodies(*pulled))
            all.push_back(std::move(body));
        REQUIRE(pulled->next.value() > at);
        at = pulled->next.value();
    }
    REQUIRE(all.size() == 1'500);
    for (std::size_t i = 0; i < all.size(); ++i)
        REQUIRE(all[i] == std::to_string(i));
    CHECK(value("timersPending") == "0");
    CHECK(value("timersDeliveredTotal") == "1500");
}

TEST_CASE("timers: pending ones survive an orderly restart and every crash, and none is early or comes twice") {
    for (const auto mode : {crash_mode::keep_all, crash_mode::drop_unsynced, crash_mode::torn_sectors}) {
        for (const bool orderly : {true, false}) {
            timed_world broker;
            std::map<std::string, timestamp_ms> due;
            for (int i = 0; i < 40; ++i) {
                const auto body = std::to_string(i);
                due.emplace(body, broker.now() + 2'000);
                broker.send_timed(body, timed("TIMER_DELIVER_MS", (broker.now() + 2'000).value()));
                broker.world.advance(100ms);
            }
            CHECK(broker.value("timersDeliveredTotal") != "0");
            CHECK(broker.value("timersPending") != "0");
            if (orderly)
                broker.stop();
            else
                broker.crash(mode);
            broker.start();
            broker.world.advance(5s);
            std::map<std::string, int> times;
            for (const auto& one : broker.messages()) {
                const std::string body{one.body.view()};
                ++times[body];
                CHECK(one.stored >= due.at(body));
            }
            CHECK(times.size() == 40);
            for (const auto& one : times)
                CHECK_MESSAGE(one.second == 1, one.first);
        }
    }
}

TEST_CASE_FIXTURE(timed_world,
                  "timers: what a producer recalls is not delivered, nor after a crash, and a second recall is answered alike") {
    const auto stored = send_timed("a", timed("TIMER_DELAY_SEC", 5, "KEY1"));
    send_timed("b", timed("TIMER_DELAY_SEC", 5, "KEY2"));
    const auto handle = protocol::decode_recall_handle(stored.recall_handle);
    REQUIRE(handle);
    CHECK(handle->topic == "orders");
    CHECK(handle->broker_name == "broker-a");
    CHECK(handle->unique_key == "KEY1");
    const auto recalled = recall(stored.recall_handle);
    REQUIRE(recalled);
    CHECK(recalled->unique_key == "KEY1");
    CHECK(recalled->region == "DefaultRegion");
    CHECK(recall(stored.recall_handle).ok());
    CHECK(value("timersRecalledTotal") == "1");
    crash(crash_mode::drop_unsynced);
    start();
    world.advance(6s);
    CHECK(texts() == ::texts{"b"});
    CHECK(recall(stored.recall_handle).code() == errc::operation_illegal); // its time is over
}

TEST_CASE_FIXTURE(timed_world, "timers: handles that name nothing here are refused with RocketMQ's code") {
    const auto later = now() + 5'000;
    const auto handle = [](const std::string& topic, const std::string& broker, timestamp_ms time) {
        return protocol::encode_recall_handle({topic, broker, time, "KEY"});
    };
    CHECK(recall("nonsense").code() == errc::operation_illegal);
    CHECK(recall(handle("other", "broker-a", later)).code() == errc::operation_illegal);
    CHECK(recall(handle("orders", "broker-b", later)).code() == errc::operation_illegal);
    CHECK(recall(handle("orders", "broker-a", now())).code() == errc::operation_illegal);
    CHECK(recall(handle("orders", "broker-a", timestamp_ms{-5})).code() == errc::operation_illegal);
    CHECK(recall(handle("orders", "broker-a", now() + 300'000'000)).code() == errc::operation_illegal);
    CHECK(recall(handle("gone", "broker-a", later), "gone").code() == errc::topic_not_found);
    CHECK(recall(handle("orders", "broker-a", later)).ok()); // never sent: RocketMQ does not say so either
}

TEST_CASE_FIXTURE(timed_world, "timers: a failed message that waits by its group's policy is neither recalled nor cancelled") {
    group_config group;
    group.name = "billing";
    group.retries.is_exponential = group.retries.has_growth = true;
    REQUIRE(answer<group_put>(put_group{group}));
    send_timed("failed", "UNIQ_KEY\x01KEY\x02");
    const auto place =
        world.ask<message_sent_back>(node->message_back(), send_message_back{messages().at(0).position, "billing", 0, {}, {}, {}});
    world.advance(100ms);
    REQUIRE(place->has_value());
    REQUIRE((*place)->ok());
    CHECK(value("timersPending") == "1");
    for (const std::string topic : {"%RETRY%billing", "%DLQ%billing", "rmq_sys_wheel_timer"}) {
        CAPTURE(topic);
        const auto refused = recall(protocol::encode_recall_handle({topic, "broker-a", now() + 6'000, "KEY"}), topic);
        CHECK(refused.code() == (topic == "%DLQ%billing" ? errc::topic_not_found : errc::operation_illegal));
    }
    const auto cancelled = ask_timers<timer_cancelled>(cancel_timer{"%RETRY%billing", "KEY"});
    CHECK(cancelled.code() == errc::operation_illegal);
    CHECK(ask_timers<timer_found>(find_timer{"%RETRY%billing", "KEY"}).ok());
    world.advance(6s, 100ms);
    CHECK(value("timersPending") == "0");
    CHECK(value("timersDeliveredTotal") == "1");
}

TEST_CASE("timers: a broker may refuse recalls, and then gives out handles all the same") {
    auto options = small_broker();
    options.recall_messages = false;
    timed_world broker{options};
    const auto stored = broker.send_timed("a", timed("TIMER_DELAY_SEC", 1, "KEY1"));
    CHECK(broker.recall(stored.recall_handle).code() == errc::not_permitted);
    CHECK(broker.ask_timers<timer_cancelled>(cancel_timer{"orders", "KEY1"}).ok()); // an operator may
    broker.world.advance(2s);
    CHECK(broker.texts().empty());
}

TEST_CASE_FIXTURE(timed_world, "timers: operators list, show and cancel them") {
    for (int i = 9; i >= 0; --i)
        send_timed("body " + std::to_string(i), timed("TIMER_DELAY_SEC", 100 + i, "KEY" + std::to_string(i)));
    const auto page = ask_timers<timers_listed>(list_timers{"orders", {}, 4});
    REQUIRE(page);
    CHECK(page->pending == 10);
    auto records = protocol::decode_records(page->records);
    REQUIRE(records);
    REQUIRE(records->size() == 4);
    CHECK((*records)[3].body.view() == "body 3");
    const auto rest = ask_timers<timers_listed>(list_timers{"", page->next, 100});
    REQUIRE(rest);
    CHECK(protocol::decode_records(rest->records)->size() == 6);
    CHECK(rest->next == storage::no_timer_key);
    CHECK(protocol::decode_records(ask_timers<timers_listed>(list_timers{"none", {}, 4})->records)->empty());
    CHECK(ask_timers<timers_listed>(list_timers{"", {}, 0}).code() == errc::argument_illegal);
    CHECK(ask_timers<timers_listed>(list_timers{"", {}, 4, {}}).code() == errc::timed_out); // nobody waits any more

    const auto found = ask_timers<timer_found>(find_timer{"orders", "KEY7"});
    REQUIRE(found);
    CHECK(protocol::decode_record(found->record)->body.view() == "body 7");
    CHECK(ask_timers<timer_found>(find_timer{"orders", "KEY77"}).code() == errc::message_not_found);

    CHECK(ask_timers<timer_cancelled>(cancel_timer{"orders", "KEY7"}).ok());
    CHECK(ask_timers<timer_cancelled>(cancel_timer{"orders", "KEY7"}).code() == errc::message_not_found);
    CHECK(ask_timers<timer_found>(find_timer{"orders", "KEY7"}).code() == errc::message_not_found);
    world.advance(120s, 100ms);
    CHECK(messages().size() == 9);
}

// Goal: an operator hears that a timer is not there only when it is not, and never that one was cancelled which was not there. How: the
// order comes between a timer and the news of it.
TEST_CASE_FIXTURE(timed_world, "timers: a cancellation waits for what was sent before it") {
    auto encoder = node->make_encoder();
    const auto cancel_behind = [&](const std::string& sent, const std::string& cancelled) {
        auto encoded = encoder.encode(message(sent, 0, timed("TIMER_DELAY_SEC", 100, sent)), *node->directory()->current());
        REQUIRE(encoded);
        REQUIRE(node->append_admission()->try_acquire(encoded->records.bytes.size()));
        REQUIRE(node->timer_admission()->try_acquire(1));
        append_records work;
        work.entries.push_back({1, std::move(encoded->records)});
        work.reply_to = spawn_recorder(world.system(), std::make_shared<recorded_tickets>());
        auto outcome = std::make_shared<std::optional<errc>>();
        world.system().spawn([=, this](caf::event_based_actor* self) {
            self->send(node->log_writer(), work);
            self->request(node->timer_keeper(), caf::infinite, cancel_timer{"orders", cancelled})
                .then([outcome](const timer_cancelled&) { *outcome = errc::none; },
                      [outcome](const caf::error& failure) { *outcome = to_error(failure).code; });
        });
        world.run();
        REQUIRE(outcome->has_value());
        return **outcome;
    };
    CHECK(cancel_behind("K1", "never") == errc::message_not_found);
    CHECK(value("timersPending") == "1");
    CHECK(cancel_behind("K2", "K2") == errc::none);
    CHECK(value("timersPending") == "1");
    CHECK(node->timer_admission()->under_way() == 0);
    world.advance(120s, 1s);
    CHECK(texts() == ::texts{"K1"});
}

TEST_CASE_FIXTURE(timed_world, "timers: a log that takes nothing delays them, and none is lost") {
    send_timed("a", timed("TIMER_DELAY_SEC", 1, "KEY1"));
    const auto later = send_timed("b", timed("TIMER_DELAY_SEC", 100, "KEY2"));
    auto& room = *node->append_admission();
    REQUIRE(room.try_acquire(room.amount_max()));
    world.advance(3s);
    CHECK(value("timersPending") == "2");
    CHECK(std::stoll(value("timersLateMillis")) >= 1'000);
    CHECK(recall(later.recall_handle).code() == errc::busy);
    room.release(room.amount_max());
    world.advance(1s);
    CHECK(texts() == ::texts{"a"});
    CHECK(recall(later.recall_handle).ok());
    world.advance(120s, 1s);
    CHECK(texts() == ::texts{"a"});
}

TEST_CASE_FIXTURE(timed_world, "timers: a full disk delays them, and each comes once") {
    for (int i = 0; i < 10; ++i)
        send_timed(std::to_string(i), timed("TIMER_DELAY_SEC", 1 + i % 4));
    world.advance(1'500ms);
    files->set_capacity(0);
    world.advance(3s);
    CHECK(std::count_if(logged.begin(), logged.end(),
                        [](const auto& line) { return line.find("timers wait until") != std::string::npos; }) == 1);
    files->set_capacity({});
    world.advance(5s);
    CHECK(messages().size() == 10);
    CHECK(value("timersPending") == "0");
}

TEST_CASE_FIXTURE(timed_world, "timers: nobody but the broker writes to their topics, and nobody removes them") {
    auto order = message("m");
    for (const auto* topic : {"rmq_sys_wheel_timer", "rmq_sys_TROUPE_TIMER_DONE"}) {
        order.topic = topic;
        CHECK(answer<messages_stored>(order).code() == errc::not_permitted);
        CHECK_FALSE(answer<topic_deleted>(delete_topic{topic}).ok());
    }
}
