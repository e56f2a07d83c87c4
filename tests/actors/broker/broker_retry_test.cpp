#include "actors/messages/message_back.hpp"
#include "tests/actors/broker_world.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

/// A broker with a group of consumers that fail.
struct retry_world : broker_world {
    explicit retry_world(broker_options options = small_broker()) : broker_world{std::move(options)} {
        make_topic("orders");
        make_group("billing");
    }

    void make_group(const std::string& name, std::int32_t retry_queues = 1, std::int32_t retry_max = 16) {
        group_config group;
        group.name = name;
        group.retry_queues = retry_queues;
        group.retry_max = retry_max;
        REQUIRE(answer<group_put>(put_group{group}));
    }
    void make_group(const std::string& name, retry_policy retries) {
        group_config group;
        group.name = name;
        group.retries = std::move(retries);
        REQUIRE(answer<group_put>(put_group{group}));
    }
    static retry_policy growing(std::int64_t initial_ms, std::int64_t multiplier = 2) {
        retry_policy retries;
        retries.is_exponential = retries.has_growth = true;
        retries.initial_ms = initial_ms;
        retries.multiplier = multiplier;
        return retries;
    }
    result<message_sent_back> send_back(const protocol::message& failed, std::int32_t delay_level = 0,
                                        std::optional<std::int32_t> retry_max = {}, const std::string& group = "billing") {
        return send_back(failed.position, delay_level, retry_max, group);
    }
    result<message_sent_back> send_back(log_position position, std::int32_t delay_level = 0, std::optional<std::int32_t> retry_max = {},
                                        const std::string& group = "billing") {
        const auto place =
            world.ask<message_sent_back>(node->message_back(), send_message_back{position, group, delay_level, retry_max, {}, {}});
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    /// What a consumer of "billing" sends to the retry topic itself, after so many tries.
    static send_messages sent_again(std::int32_t tries) {
        auto order = message("mine", 0,
                             "DELAY\x01"
                             "1\x02TRAN_MSG\x01true\x02RETRY_TOPIC\x01orders\x02");
        order.topic = "%RETRY%billing";
        order.reconsume_times = tries;
        return order;
    }
    result<messages_stored> send_retry(const send_messages& order, std::optional<std::int32_t> retry_max = {}) {
        const auto place = world.ask<messages_stored>(node->message_back(), send_retry_message{order, retry_max});
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    /// Messages of a topic's queue 0; none when there is no such topic.
    std::vector<protocol::message> messages(const std::string& topic, std::int64_t from = 0) {
        auto order = pull(from);
        order.topic = topic;
        const auto pulled = answer<messages_pulled>(order);
        if (!pulled)
            return {};
        auto all = protocol::decode_records(pulled->records);
        REQUIRE(all);
        return *all;
    }
    /// Gives it back, and it comes again by its group's policy after so long and not sooner.
    protocol::message comes_again_after(std::chrono::milliseconds delay, const protocol::message& failed) {
        const auto given_back = world.wall_clock()();
        REQUIRE(send_back(failed));
        world.advance(delay - 100ms, 100ms);
        CHECK(messages("%RETRY%billing", failed.reconsume_times).empty());
        world.advance(300ms);
        const auto again = messages("%RETRY%billing", failed.reconsume_times);
        REQUIRE(again.size() == 1);
        CHECK(again[0].stored - given_back >= delay.count());
        return again[0];
    }
    protocol::message failed_message() {
        send("hello", 0, "TAGS\x01TagA\x02KEYS\x01k1\x02UNIQ_KEY\x01u1\x02");
        const auto all = messages("orders");
        REQUIRE_FALSE(all.empty());
        return all.back();
    }
    std::int64_t count(const std::string& topic) { return static_cast<std::int64_t>(messages(topic).size()); }
};

} // namespace

TEST_CASE_FIXTURE(retry_world, "broker: a message given back comes again in the group's retry topic, ten seconds later the first time") {
    const auto failed = failed_message();
    REQUIRE(send_back(failed));
    world.advance(9'800ms);
    CHECK(count("%RETRY%billing") == 0);
    world.advance(400ms);
    const auto again = messages("%RETRY%billing");
    REQUIRE(again.size() == 1);
    CHECK(again[0].body.view() == "hello");
    CHECK(again[0].reconsume_times == 1);
    CHECK(again[0].born == failed.born);
    const auto properties = protocol::decode_properties(again[0].properties);
    CHECK(properties.at("RETRY_TOPIC") == "orders");
    CHECK(properties.at("ORIGIN_MESSAGE_ID") == protocol::offset_message_id(failed.store_host, failed.position));
    CHECK(properties.at("UNIQ_KEY") == "u1");
    CHECK(properties.at("TAGS") == "TagA");
    CHECK(properties.at("KEYS") == "k1");
    CHECK(node->metrics()->messages_returned == 1);
}

TEST_CASE_FIXTURE(retry_world, "broker: a group's own retry policy says when a message comes again") {
    make_group("billing", growing(2'500, 3));
    auto failed = failed_message();
    for (const auto expected : {2'500ms, 7'500ms}) {
        CAPTURE(expected.count());
        const auto tries = failed.reconsume_times;
        failed = comes_again_after(expected, failed);
        CHECK(failed.reconsume_times == tries + 1);
        CHECK(failed.body.view() == "hello");
        CHECK(protocol::find_property(failed.properties, "RETRY_TOPIC") == "orders");
        CHECK_FALSE(protocol::find_property(failed.properties, "DELAY").has_value());
    }
    REQUIRE(send_back(failed, 1)); // the consumer knows better
    world.advance(1'200ms);
    CHECK(messages("%RETRY%billing", 2).size() == 1);
}

TEST_CASE_FIXTURE(retry_world, "broker: a list of delays is followed from its third on, and its last one holds for every later try") {
    retry_policy listed;
    listed.delays_ms = {100, 200, 3'000, 5'000};
    make_group("billing", listed);
    auto failed = failed_message();
    for (const auto expected : {3'000ms, 5'000ms, 5'000ms}) {
        CAPTURE(expected.count());
        failed = comes_again_after(expected, failed);
    }
}

TEST_CASE("broker: a message that waits by policy comes once, and when it is due, after a stop or a crash") {
    for (const bool orderly : {true, false}) {
        CAPTURE(orderly);
        retry_world broker;
        broker.make_group("billing", retry_world::growing(120'000));
        const auto failed = broker.failed_message();
        const auto given_back = broker.world.wall_clock()();
        REQUIRE(broker.send_back(failed));
        broker.world.advance(3s);
        if (orderly)
            broker.stop();
        else
            broker.crash(crash_mode::drop_unsynced);
        broker.start();
        const auto started = broker.world.wall_clock()();
        REQUIRE(started - given_back < 119'000);
        broker.world.advance(std::chrono::milliseconds{120'000 - (started - given_back) - 100}, 100ms);
        CHECK(broker.count("%RETRY%billing") == 0);
        broker.world.advance(400ms);
        const auto again = broker.messages("%RETRY%billing");
        REQUIRE(again.size() == 1);
        CHECK(again[0].body.view() == "hello");
        CHECK(again[0].reconsume_times == 1);
        broker.world.advance(30s, 1s);
        CHECK(broker.count("%RETRY%billing") == 1);
    }
}

TEST_CASE("broker: no policy lets a message wait longer than messages may be timed") {
    retry_world broker;
    broker.make_group("billing", retry_world::growing(60'000));
    const auto failed = broker.failed_message();
    broker.stop();
    auto options = small_broker();
    options.timer_horizon = 20s;
    broker.start(options);
    group_config group;
    group.name = "billing";
    group.retries = retry_world::growing(10'000);
    const auto refused = broker.answer<group_put>(put_group{group});
    CHECK(refused.code() == errc::argument_illegal);
    CHECK_MESSAGE(refused.failure().text.find("max is 7200000 ms; allowed are 0 to 20000 (option broker.timer_max_delay)") !=
                      std::string::npos,
                  refused.failure().text);
    REQUIRE(broker.send_back(failed)); // its group is from before
    broker.world.advance(19'500ms, 100ms);
    CHECK(broker.count("%RETRY%billing") == 0);
    broker.world.advance(1s, 100ms);
    CHECK(broker.count("%RETRY%billing") == 1);
}

TEST_CASE_FIXTURE(retry_world, "broker: a message that names another one to be recalled comes again by policy, and so does the other") {
    make_group("billing", growing(2'500));
    send("first", 0, "UNIQ_KEY\x01u1\x02");
    send("second", 0, "UNIQ_KEY\x01u2\x02TIMER_DEL_UNIQKEY\x01u1\x02");
    const auto failed = messages("orders");
    REQUIRE(failed.size() == 2);
    REQUIRE(send_back(failed[0]));
    world.advance(500ms);
    REQUIRE(send_back(failed[1]));
    world.advance(4s);
    const auto again = messages("%RETRY%billing");
    REQUIRE(again.size() == 2);
    CHECK(again[0].body.view() == "first");
    CHECK(again[1].body.view() == "second");
    CHECK(node->metrics()->timers_recalled == 0);
}

// Goal: sixteen tries, each later than the one before, and then the dead letter topic: four hours and three quarters.
// How:  in virtual time, giving back whatever comes in the retry topic.
TEST_CASE_FIXTURE(retry_world, "broker: a message that always fails is tried sixteen times and then lies in the dead letter topic") {
    auto failed = failed_message();
    const auto first_id = protocol::offset_message_id(failed.store_host, failed.position);
    const auto first_queue = to_string(failed.queue);
    const auto delays = default_delay_levels();
    for (int tries = 0; tries < 16; ++tries) {
        CAPTURE(tries);
        const auto given_back = world.wall_clock()();
        REQUIRE(send_back(failed));
        const auto expected = delays[static_cast<std::size_t>(tries) + 2];
        world.advance(expected - 20ms, expected / 10);
        CHECK(messages("%RETRY%billing", tries).empty());
        world.advance(200ms);
        const auto again = messages("%RETRY%billing", tries);
        REQUIRE(again.size() == 1);
        failed = again[0];
        CHECK(failed.reconsume_times == tries + 1);
        CHECK(failed.stored - given_back >= expected.count());
    }
    CHECK(count("%DLQ%billing") == 0);
    REQUIRE(send_back(failed));
    const auto dead = messages("%DLQ%billing");
    REQUIRE(dead.size() == 1);
    CHECK(dead[0].body.view() == "hello");
    CHECK(dead[0].reconsume_times == 17);
    const auto properties = protocol::decode_properties(dead[0].properties);
    CHECK(properties.at("RETRY_TOPIC") == "orders");
    CHECK(properties.at("ORIGIN_MESSAGE_ID") == first_id);
    CHECK(properties.at("ORIGIN_QUEUE_ID") == first_queue);
    CHECK(properties.at("UNIQ_KEY") == "u1");
    CHECK(node->metrics()->dead_letters == 1);
    world.advance(10'000s, 100s);
    CHECK(count("%DLQ%billing") == 1);
}

TEST_CASE_FIXTURE(retry_world, "broker: messages given back are counted for their own topic, also at later tries") {
    auto failed = failed_message();
    REQUIRE(send_back(failed, 1));
    world.advance(1'200ms);
    REQUIRE(send_back(messages("%RETRY%billing").at(0), 1));
    REQUIRE(send_back(failed, -1));
    world.advance(1s);
    const auto counted = node->traffic()->view("SNDBCK_PUT_NUMS", "orders@billing", world.scheduler().clock().now());
    REQUIRE(counted);
    CHECK(counted->day.sum == 3);
    CHECK_FALSE(send_back(log_position{1'000'000'000}).ok());
    CHECK(node->traffic()->view("SNDBCK_PUT_NUMS", "orders@billing", world.scheduler().clock().now())->day.sum == 3);
}

TEST_CASE("broker: a crash between tries loses no message, and the next try is not early") {
    retry_world broker;
    const auto failed = broker.failed_message();
    const auto given_back = broker.world.wall_clock()();
    REQUIRE(broker.send_back(failed));
    broker.world.advance(3s);
    broker.crash(crash_mode::drop_unsynced);
    broker.start();
    broker.world.advance(20s);
    const auto again = broker.messages("%RETRY%billing");
    REQUIRE(again.size() == 1);
    CHECK(again[0].stored - given_back >= 10'000);
}

TEST_CASE_FIXTURE(retry_world, "broker: the consumer may choose the level, or the dead letter topic at once") {
    const auto failed = failed_message();
    REQUIRE(send_back(failed, 1));
    world.advance(1'200ms);
    CHECK(count("%RETRY%billing") == 1);
    REQUIRE(send_back(failed, -1));
    CHECK(count("%DLQ%billing") == 1);
    CHECK(count("%RETRY%billing") == 1);
}

TEST_CASE_FIXTURE(retry_world, "broker: the limit is the consumer's, or else the group's") {
    make_group("strict", 1, 0);
    const auto failed = failed_message();
    REQUIRE(send_back(failed, 1, {}, "strict"));
    CHECK(count("%DLQ%strict") == 1);
    REQUIRE(send_back(failed, 1, 3, "strict"));
    world.advance(1'200ms);
    CHECK(count("%RETRY%strict") == 1);
    REQUIRE(send_back(messages("%RETRY%strict").front(), 1, 1, "strict"));
    CHECK(count("%DLQ%strict") == 2);
}

TEST_CASE_FIXTURE(retry_world, "broker: what is wrong with a message given back is said, and nothing is stored") {
    const auto failed = failed_message();
    CHECK(send_back(failed, 0, {}, "no group").code() == errc::group_not_found);
    CHECK(send_back(log_position{1'000'000'000}).code() == errc::message_not_found);
    CHECK(send_back(log_position{-1}).code() == errc::message_not_found);
    CHECK(send_back(failed.position + 1).code() != errc::none);
    make_group("never", 0);
    CHECK(send_back(failed, 1, {}, "never").ok()); // it wants no retries
    world.advance(2s);
    CHECK(count("%RETRY%never") == 0);
    CHECK(node->metrics()->messages_returned == 0);
    CHECK(node->metrics()->dead_letters == 0);
}

TEST_CASE("broker: one without write permission takes no message back") {
    retry_world broker;
    const auto failed = broker.failed_message();
    broker.stop();
    auto options = small_broker();
    options.perm = permission::read;
    broker.start(options);
    CHECK(broker.send_back(failed).code() == errc::not_permitted);
}

TEST_CASE("broker: an unknown group is made by the first message given back, where groups are made so") {
    auto options = small_broker();
    options.auto_create_groups = false;
    retry_world strict{options};
    strict.make_group("readers");
    CHECK(strict.send_back(strict.failed_message(), 1, {}, "other").code() == errc::group_not_found);
    retry_world lenient;
    CHECK(lenient.send_back(lenient.failed_message(), 1, {}, "other").ok());
    CHECK(lenient.answer<groups_listed>(list_groups{})->table.groups.contains("other"));
}

TEST_CASE_FIXTURE(retry_world, "broker: given back messages are spread over the queues of the retry topic") {
    make_group("wide", 3);
    const auto failed = failed_message();
    for (int i = 0; i < 6; ++i)
        REQUIRE(send_back(failed, 1, {}, "wide"));
    world.advance(1'500ms);
    for (std::int32_t queue = 0; queue < 3; ++queue)
        CHECK(answer<offset_found>(find_max_offset{{"%RETRY%wide", queue_id{queue}}})->offset == queue_offset{2});
}

TEST_CASE_FIXTURE(retry_world, "broker: a group's number of retry queues makes its retry topic, and does not change one that is there") {
    const auto stored_in = [this](std::int32_t queue) {
        const auto found = answer<offset_found>(find_max_offset{{"%RETRY%wide", queue_id{queue}}});
        return found ? found->offset.value() : -1;
    };
    const auto give_back = [this, failed = failed_message()](int times) {
        for (int i = 0; i < times; ++i)
            REQUIRE(send_back(failed, 1, {}, "wide"));
        world.advance(1'500ms);
    };
    make_group("wide", 1);
    give_back(1);
    make_group("wide", 3);
    give_back(3);
    CHECK(stored_in(0) == 4); // where its consumers read, not in queues that nobody does
    CHECK(stored_in(1) == -1);
    topic_config wider;
    wider.name = "%RETRY%wide";
    wider.read_queues = wider.write_queues = 3;
    REQUIRE(answer<topic_put>(put_topic{wider}).ok());
    make_group("wide", 2);
    give_back(3);
    CHECK(stored_in(0) == 5);
    CHECK(stored_in(1) == 1);
    CHECK(stored_in(2) == 1);
}

TEST_CASE_FIXTURE(retry_world, "broker: when the disk fails, giving back fails, and an answer comes") {
    const auto failed = failed_message();
    REQUIRE(send_back(failed, 1));
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::sync && call.path.find("commitlog") != std::string::npos ? std::optional{call_fault::io}
                                                                                                : std::nullopt;
    });
    CHECK_FALSE(send_back(failed, 1).ok());
    files->set_hook(nullptr);
    CHECK(send_back(failed, 1).code() == errc::store_read_only);
}

TEST_CASE_FIXTURE(retry_world, "broker: a consumer's own send to the retry topic waits as it says, and is dead beyond the limit") {
    auto order = sent_again(16);
    REQUIRE(send_retry(order));
    world.advance(1'200ms);
    REQUIRE(count("%RETRY%billing") == 1);
    CHECK(messages("%RETRY%billing")[0].reconsume_times == 16);
    order.reconsume_times = 17;
    const auto dead = send_retry(order);
    REQUIRE(dead);
    CHECK(dead->queue == queue_id{0});
    REQUIRE(count("%DLQ%billing") == 1);
    CHECK(protocol::decode_properties(messages("%DLQ%billing")[0].properties).at("DELAY") == "-1");
    order.reconsume_times = 3;
    REQUIRE(send_retry(order, 2)); // the sender's limit
    CHECK(count("%DLQ%billing") == 2);
    REQUIRE(answer<messages_stored>(order)); // an embedded client has the group's
    world.advance(1'200ms);
    CHECK(count("%RETRY%billing") == 2);
    order.topic = "%RETRY%no group";
    CHECK(send_retry(order).code() == errc::topic_illegal);
    order.topic = "%RETRY%";
    CHECK(send_retry(order).code() == errc::group_not_found);
}

// Goal: an orderly consumer of Java's clients before 5, which does not count the last try, has its message among the dead letters.
TEST_CASE_FIXTURE(retry_world, "broker: of a group that reads in order a consumer's own send to the retry topic is dead at the limit") {
    REQUIRE(send_retry(sent_again(2), 2));
    CHECK(count("%DLQ%billing") == 0);
    const protocol::queue_lock_request lock{"billing", "client", false, {{"orders", "broker-a", 0}}};
    const auto locked = world.ask<queues_locked>(node->queue_locks(), lock_queues{lock});
    REQUIRE(locked->has_value());
    REQUIRE((*locked)->ok());
    REQUIRE(send_retry(sent_again(1), 2)); // it has tries left
    CHECK(count("%DLQ%billing") == 0);
    REQUIRE(send_retry(sent_again(2), 2));
    REQUIRE(count("%DLQ%billing") == 1);
    CHECK(protocol::decode_properties(messages("%DLQ%billing")[0].properties).at("RETRY_TOPIC") == "orders");
    CHECK(node->metrics()->dead_letters == 1);
    world.advance(1'200ms);
    CHECK(count("%RETRY%billing") == 2);
}

TEST_CASE_FIXTURE(retry_world, "broker: messages given back are bounded while they are under way, and more are answered busy") {
    const auto failed = failed_message();
    int taken = 0;
    int busy = 0;
    const auto ask_often = [&](int count) {
        world.system().spawn([&, count](caf::event_based_actor* self) {
            for (int i = 0; i < count; ++i)
                self->request(node->message_back(), caf::infinite, send_message_back{failed.position, "billing", 0, {}, {}, {}})
                    .then([&taken](message_sent_back) { ++taken; },
                          [&busy](const caf::error& failure) { busy += to_error(failure).code == errc::busy ? 1 : 1'000; });
        });
        world.run();
        world.advance(1s);
    };
    ask_often(300);
    CHECK(taken + busy == 300);
    CHECK(taken >= 128);
    CHECK(busy > 0);
    taken = busy = 0;
    ask_often(100); // none of the others is counted any more
    CHECK(taken == 100);
}
