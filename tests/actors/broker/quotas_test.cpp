#include "actors/base/log.hpp"
#include "actors/broker/delivery_quotas.hpp"
#include "actors/broker/send_quotas.hpp"
#include "actors/broker/throttled_pulls.hpp"
#include "actors/broker/token_bucket.hpp"
#include "actors/messages/lag_messages.hpp"
#include "actors/messages/member_messages.hpp"
#include "tests/actors/broker_world.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr clock_time start{100s};

} // namespace

TEST_CASE("token_bucket: without a rate nobody waits") {
    token_bucket bucket;
    bucket.charge(1'000'000'000, start);
    CHECK(bucket.wait(start) == 0ns);
    CHECK(token_bucket{-5}.per_second() == 0);
}

TEST_CASE("token_bucket: a second's worth may come at once, and more only as it is paid back") {
    token_bucket bucket{10};
    for (int i = 0; i < 11; ++i) { // ten that were saved up, and the one that finds nothing left but owes nothing
        CHECK(bucket.wait(start) == 0ns);
        bucket.charge(1, start);
    }
    CHECK(bucket.wait(start) == 100ms);
    CHECK(bucket.wait(start + 99ms) == 1ms);
    CHECK(bucket.wait(start + 100ms) == 0ns);
    bucket.charge(1, start + 100ms);
    CHECK(bucket.wait(start + 100ms) == 100ms);
    CHECK(bucket.wait(start + 10s) == 0ns); // no more than a second's worth is saved up
    for (int i = 0; i < 11; ++i)
        bucket.charge(1, start + 10s);
    CHECK(bucket.wait(start + 10s) == 100ms);
}

TEST_CASE("token_bucket: what is larger than a second's worth is taken once, and paid back before the next") {
    token_bucket bucket{10};
    CHECK(bucket.wait(start) == 0ns);
    bucket.charge(100, start);
    CHECK(bucket.wait(start) == 9s);
    CHECK(bucket.wait(start + 9s) == 0ns);
    bucket.charge(1'000'000'000'000, start + 9s); // whatever it is, within an hour it goes on
    CHECK(bucket.wait(start + 9s) <= 1h);
    bucket.set_rate(0);
    CHECK(bucket.wait(start + 9s) == 0ns);
}

// Goal: over a long time no more is taken than the rate allows, and a taker that never waits longer than told gets all of it.
TEST_CASE("token_bucket: at random, the rate holds") {
    std::mt19937_64 random{test_support::random_seed("token_bucket", 1)};
    token_bucket bucket{1'000};
    auto now = start;
    std::int64_t taken = 0;
    constexpr std::int64_t amount_max = 300;
    while (now < start + 100s) {
        if (const auto wait = bucket.wait(now); wait > 0ns) {
            now += wait;
            continue;
        }
        const auto amount = 1 + static_cast<std::int64_t>(random() % amount_max);
        bucket.charge(amount, now);
        taken += amount;
    }
    CHECK(taken >= 100'000);
    CHECK(taken <= 101'000 + 2 * amount_max);
}

TEST_CASE("send_quotas: topics with limits are told so, and which; the others are not") {
    send_quotas quotas;
    CHECK(quotas.admit("free", 1'000'000, 1'000'000, start));
    quotas.set("slow", {10, 0});
    quotas.set("small", {0, 1'000});
    CHECK(quotas.admit("free", 1'000'000, 1'000'000, start));
    for (int i = 0; i < 11; ++i)
        CHECK(quotas.admit("slow", 1, 1 << 20, start));
    const auto refused = quotas.admit("slow", 1, 1, start);
    CHECK(refused.code() == errc::busy);
    CHECK(refused.failure().text ==
          "topic slow takes 10 messages a second at most (its attribute quota.send.messages); back off and send again");
    CHECK(quotas.admit("slow", 1, 1, start + 1s));
    CHECK(quotas.admit("small", 1'000, 5'000, start));
    CHECK(quotas.admit("small", 1, 1, start).failure().text.find("1000 bytes a second") != std::string::npos);
    CHECK(quotas.admit("small", 1, 1, start + 3s).code() == errc::busy);
    CHECK(quotas.admit("small", 1, 1, start + 4s));
}

TEST_CASE("send_quotas: a limit can be raised, lowered and taken back") {
    send_quotas quotas;
    quotas.set("t", {1, 0});
    CHECK(quotas.admit("t", 5, 1, start));
    CHECK_FALSE(quotas.admit("t", 1, 1, start));
    quotas.set("t", {100, 0});
    CHECK_FALSE(quotas.admit("t", 1, 1, start)); // the debt of before stays
    CHECK(quotas.admit("t", 1, 1, start + 4s));
    quotas.set("t", {1, 0});
    CHECK(quotas.admit("t", 3, 1, start + 10s));
    CHECK_FALSE(quotas.admit("t", 1, 1, start + 10s));
    quotas.forget("t");
    CHECK(quotas.admit("t", 1'000, 1, start + 10s));
    quotas.forget("never there");
}

TEST_CASE_FIXTURE(test_support::broker_world, "broker: a topic with a limit takes what it may in a second, before and after a restart") {
    const auto limit = [this](const std::string& messages) {
        topic_config topic;
        topic.name = "orders";
        topic.read_queues = topic.write_queues = 4;
        topic.attributes = {{"quota.send.messages", messages}};
        REQUIRE(answer<topic_put>(put_topic{topic}));
    };
    limit("2");
    const auto sent = [this] {
        int taken = 0;
        for (int i = 0; i < 10; ++i) {
            const auto stored = answer<messages_stored>(message("x"));
            taken += stored ? 1 : 0;
            if (!stored)
                CHECK(stored.code() == errc::busy);
        }
        return taken;
    };
    world.advance(2s, 100ms);
    CHECK(sent() == 3); // two that were saved up, and the one that finds nothing left but owes nothing
    CHECK(answer<broker_described>(describe_broker{})->values.at("sendsThrottledTotal") == "7");
    make_topic("bills");
    auto other = message("x");
    other.topic = "bills";
    CHECK(answer<messages_stored>(other));
    world.advance(2s, 100ms);
    CHECK(sent() == 3);
    stop();
    start();
    CHECK(sent() == 3);
    limit("0");
    CHECK(sent() == 10);
    limit("1");
    REQUIRE(answer<topic_deleted>(delete_topic{"orders"}));
    make_topic("orders");
    CHECK(sent() == 10);
}

TEST_CASE("delivery_quotas: groups with a limit wait, the others do not") {
    delivery_quotas quotas;
    CHECK(quotas.wait("g", start) == 0ns);
    CHECK(quotas.messages_max("g") > 1'000'000'000);
    quotas.set("g", 10);
    CHECK(quotas.messages_max("g") == 10);
    CHECK(quotas.messages_max("h") > 1'000'000'000);
    quotas.charge("g", 30, start);
    quotas.charge("h", 30, start);
    CHECK(quotas.wait("g", start) == 2s);
    CHECK(quotas.wait("h", start) == 0ns);
    CHECK(quotas.wait("g", start + 2s) == 0ns);
    quotas.forget("g");
    CHECK(quotas.wait("g", start) == 0ns);
}

TEST_CASE("throttled_pulls: each leaves once, in its time or with its connection") {
    throttled_pulls pulls;
    const auto add = [&pulls](std::uint64_t ticket, clock_time due) {
        throttled_pull one;
        one.pull.ticket = ticket;
        pulls.add(std::move(one), due);
    };
    CHECK_FALSE(pulls.next_due());
    add(1, start + 3s);
    add(2, start + 1s);
    add(3, start + 2s);
    CHECK(pulls.next_due() == start + 1s);
    CHECK(pulls.take_due(start).empty());
    const auto due = pulls.take_due(start + 2s);
    REQUIRE(due.size() == 2);
    CHECK(due[0].pull.ticket == 2);
    CHECK(due[1].pull.ticket == 3);
    add(4, start + 4s);
    CHECK(pulls.drop(ticket_holder_actor{}, {2, 4}) == 1);
    CHECK(pulls.take_all().size() == 1);
    CHECK(pulls.size() == 0);
}

namespace {

/// A broker with a group that may have two messages a second, and thirty of them.
struct limited_world : test_support::broker_world {
    limited_world() {
        make_topic("orders");
        for (int i = 0; i < 30; ++i)
            send(std::to_string(i));
        limit(2);
    }
    void limit(std::int64_t messages) {
        group_config group;
        group.name = "readers";
        group.deliver_messages = messages;
        REQUIRE(answer<group_put>(put_group{group}));
    }
    /// Whoever holds for long asks again at once; what came within `time`.
    std::int64_t read_for(std::chrono::milliseconds time, std::int64_t& from) {
        const auto first = from;
        for (auto left = time; left > 0ms; left -= 100ms) {
            if (!asked_)
                asked_ = ask<messages_pulled>(pull(from, 20'000));
            world.advance(100ms);
            if (asked_->has_value()) {
                REQUIRE((**asked_).ok());
                from = (**asked_)->next.value();
                asked_.reset();
            }
        }
        return from - first;
    }
    void forget_asked() { asked_.reset(); }

private:
    test_support::virtual_system::awaited<messages_pulled> asked_;
};

} // namespace

TEST_CASE_FIXTURE(limited_world, "broker: a group with a limit gets its messages in its time, all of them, and nobody else waits for it") {
    std::int64_t from = 0;
    const auto first = read_for(5s, from);
    CHECK(first >= 9);
    CHECK(first <= 15);
    auto other = pull(0);
    other.group = "others";
    CHECK(answer<messages_pulled>(other)->next == queue_offset{30});
    const auto second = read_for(5s, from);
    CHECK(second >= 9);
    CHECK(second <= 11);
    CHECK(std::stoi(answer<broker_described>(describe_broker{})->values.at("pullsThrottledTotal")) > 3);
    limit(0);
    read_for(2s, from);
    CHECK(from == 30);
}

TEST_CASE_FIXTURE(limited_world,
                  "broker: a pull that does not hold finds nothing when its group has had its share, after a second at most") {
    CHECK(answer<messages_pulled>(pull(0))->next == queue_offset{2});
    CHECK(answer<messages_pulled>(pull(2))->next == queue_offset{4});
    limit(1); // what was taken is paid back more slowly from here on
    CHECK(answer<messages_pulled>(pull(4)).ok());
    auto late = ask<messages_pulled>(pull(4));
    for (int i = 0; i < 12 && !*late; ++i)
        world.advance(100ms);
    REQUIRE(late->has_value());
    CHECK((**late).ok());
}

TEST_CASE_FIXTURE(limited_world, "broker: pulls that wait for their share are answered when the broker ends, and the limit outlasts it") {
    std::int64_t from = 0;
    read_for(500ms, from);
    auto waiting = ask<messages_pulled>(pull(from, 20'000));
    auto another = ask<messages_pulled>(pull(from, 20'000));
    world.run();
    stop();
    CHECK(waiting->has_value());
    CHECK(another->has_value());
    start();
    CHECK(answer<groups_listed>(list_groups{})->table.groups.at("readers").deliver_messages == 2);
    from = 0;
    forget_asked();
    CHECK(read_for(5s, from) <= 15);
}

TEST_CASE_FIXTURE(test_support::broker_world, "broker: a group that falls behind is measured, told and marked, until it has caught up") {
    std::vector<std::string> logged;
    set_log_sink([&logged](log_level, std::string_view text) { logged.emplace_back(text); });
    const auto told = [&logged](std::string_view words) {
        return std::count_if(logged.begin(), logged.end(), [words](const auto& line) { return line.find(words) != std::string::npos; });
    };
    make_topic("orders");
    send("a");
    send("b");
    protocol::consumer_data consumer;
    consumer.group = "readers";
    consumer.subscriptions = {{"orders", "*", "TAG", 1}};
    const client_heartbeat beat{{"c", {}, {consumer}}, {}};
    REQUIRE(answer<heartbeat_accepted>(beat));
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{1}}));
    const auto lag = [this] {
        const auto place = world.ask<lags_listed>(node->broker_members(), list_lags{"readers"});
        world.run();
        REQUIRE(place->has_value());
        REQUIRE((**place)->groups.size() == 1);
        return (**place)->groups[0];
    };
    world.advance(30s, 1s);
    CHECK(lag().messages == 1);
    CHECK(lag().members == 1);
    CHECK(lag().measured - lag().oldest > 15'000);
    CHECK_FALSE(lag().is_slow);
    for (int i = 0; i < 11; ++i) {
        REQUIRE(answer<heartbeat_accepted>(beat));
        world.advance(60s, 1s);
    }
    CHECK(lag().is_slow);
    CHECK(told("group readers is slow") == 1);
    CHECK(answer<broker_described>(describe_broker{})->values.at("consumerGroupsSlow") == "1");
    CHECK(answer<broker_described>(describe_broker{})->values.at("consumerLagMessagesMax") == "1");
    REQUIRE(answer<heartbeat_accepted>(beat));
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{2}}));
    world.advance(30s, 1s);
    CHECK(lag().messages == 0);
    CHECK_FALSE(lag().is_slow);
    CHECK(told("caught up") == 1);
    CHECK(answer<broker_described>(describe_broker{})->values.at("consumerLagMillisMax") == "0");
    REQUIRE(answer<group_deleted>(delete_group{"readers", true}));
    world.advance(30s, 1s);
    set_log_sink({});
}

TEST_CASE_FIXTURE(test_support::broker_world, "broker: a group is not slow on a topic that is gone") {
    set_log_sink([](log_level, std::string_view) {});
    make_topic("orders");
    send("a");
    protocol::consumer_data consumer;
    consumer.group = "readers";
    consumer.subscriptions = {{"orders", "*", "TAG", 1}};
    const client_heartbeat beat{{"c", {}, {consumer}}, {}};
    REQUIRE(answer<heartbeat_accepted>(beat));
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{0}}));
    for (int i = 0; i < 11; ++i) {
        REQUIRE(answer<heartbeat_accepted>(beat));
        world.advance(60s, 1s);
    }
    const auto value = [this](const std::string& name) { return answer<broker_described>(describe_broker{})->values.at(name); };
    REQUIRE(value("consumerGroupsSlow") == "1");
    REQUIRE(answer<topic_deleted>(delete_topic{"orders"}));
    world.advance(30s, 1s);
    CHECK(value("consumerGroupsSlow") == "0");
    CHECK(value("consumerLagMillisMax") == "0");
    CHECK(value("consumerLagMessagesMax") == "0");
    set_log_sink({});
}

TEST_CASE_FIXTURE(test_support::broker_world,
                  "broker: a topic that keeps less than the log begins later, also after a restart, until it shall keep all") {
    const auto keep = [this](const std::map<std::string, std::string>& attributes) {
        topic_config topic;
        topic.name = "orders";
        topic.read_queues = topic.write_queues = 4;
        topic.attributes = attributes;
        REQUIRE(answer<topic_put>(put_topic{topic}));
    };
    const auto min = [this] { return answer<offset_found>(find_min_offset{{"orders", queue_id{0}}})->offset.value(); };
    keep({});
    send("a");
    world.advance(1'200s, 10s);
    send("b");
    keep({{"retention.ms", "600000"}});
    world.advance(12s, 1s);
    CHECK(min() == 1);
    CHECK(answer<messages_pulled>(pull(0))->next == queue_offset{1});
    stop();
    start();
    world.advance(2s, 1s);
    CHECK(min() == 1);
    world.advance(700s, 10s);
    CHECK(min() == 2);
    keep({{"retention.bytes", "1000000"}});
    world.advance(12s, 1s);
    CHECK(min() == 2); // what is gone stays so while there is a rule
    keep({});
    world.advance(2s, 1s);
    CHECK(min() == 0);
}
