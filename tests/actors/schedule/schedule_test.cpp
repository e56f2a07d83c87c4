#include "actors/schedule/schedule.hpp"

#include "actors/base/log.hpp"
#include "actors/log/record_reader.hpp"
#include "actors/schedule/delayed_message.hpp"
#include "tests/actors/broker_world.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

std::string delay(int level) {
    return "DELAY\x01" + std::to_string(level) + "\x02";
}

struct delayed_world : broker_world {
    using broker_world::broker_world;

    /// What queue 0 of `topic` holds, from its first offset on.
    std::vector<protocol::message> messages(const std::string& topic = "orders", std::int32_t queue = 0) {
        auto order = pull(0);
        order.topic = topic;
        order.queue = queue_id{queue};
        order.messages_max = 1'000;
        const auto pulled = answer<messages_pulled>(order);
        REQUIRE(pulled);
        auto all = protocol::decode_records(pulled->records);
        REQUIRE(all);
        return *all;
    }
    void fill_disk() {
        files->set_hook([](const call_info& call) -> std::optional<call_fault> {
            return call.kind == call_kind::write ? std::optional{call_fault::disk_full} : std::nullopt;
        });
    }
    [[nodiscard]] std::uint64_t delivered() const { return node->metrics()->scheduled_delivered; }
};

} // namespace

TEST_CASE_FIXTURE(delayed_world, "schedule: a delayed message comes to its topic when it is due, not before, and says where it was") {
    make_topic("orders");
    send("first");
    const auto before = world.wall_clock()();
    auto order = message("later", 0, delay(3) + "TAGS\x01TagA\x02UNIQ_KEY\x01u1\x02");
    order.born = timestamp_ms{77};
    const auto stored = answer<messages_stored>(order);
    REQUIRE(stored);
    CHECK(stored->queue == queue_id{0}); // the one that was asked for
    CHECK(stored->transaction_id == "u1");
    const auto parked = messages("SCHEDULE_TOPIC_XXXX", 2);
    REQUIRE(parked.size() == 1);
    world.advance(9'900ms);
    CHECK(messages().size() == 1);
    world.advance(200ms);
    const auto all = messages();
    REQUIRE(all.size() == 2);
    const auto& later = all[1];
    CHECK(later.body.view() == "later");
    CHECK(later.offset == queue_offset{1});
    CHECK(later.born == timestamp_ms{77});
    CHECK(later.stored - before >= 10'000);
    CHECK(later.stored - before <= 10'100);
    const auto properties = protocol::decode_properties(later.properties);
    CHECK(properties.at("DELAY") == "3");
    CHECK(properties.at("REAL_TOPIC") == "orders");
    CHECK(properties.at("REAL_QID") == "0");
    CHECK(properties.at("UNIQ_KEY") == "u1");
    CHECK(properties.at("TAGS") == "TagA");
    world.advance(60s, 100ms);
    CHECK(messages().size() == 2);
}

TEST_CASE_FIXTURE(delayed_world,
                  "schedule: every level has its delay, whichever was sent first, and one above the last counts as the last") {
    make_topic("orders", 20);
    const auto delays = default_delay_levels();
    for (int level = 18; level >= 1; --level)
        send(std::to_string(level), level - 1, delay(level));
    send("above", 18, delay(100));
    const auto sent = world.wall_clock()();
    // Half of the smallest difference after each level's delay, its message is there, and those of longer ones are not.
    for (std::size_t level = 0; level < delays.size(); ++level) {
        const auto until = delays[level] + 200ms;
        const std::chrono::milliseconds passed{world.wall_clock()() - sent};
        world.advance(until - passed, std::max<std::chrono::milliseconds>((until - passed) / 50, 10ms));
        world.advance(100ms);
        for (std::size_t other = 0; other < delays.size(); ++other) {
            CAPTURE(level);
            CAPTURE(other);
            CHECK(messages("orders", static_cast<std::int32_t>(other)).size() == (other <= level ? 1u : 0u));
        }
    }
    CHECK(messages("orders", 18).size() == 1);
}

TEST_CASE_FIXTURE(delayed_world, "schedule: many messages of one level come in order, in batches") {
    make_topic("orders");
    for (int i = 0; i < 600; ++i)
        send(std::to_string(i), 0, delay(2));
    world.advance(4s, 100ms);
    CHECK(messages().empty());
    world.advance(3s);
    const auto all = messages();
    REQUIRE(all.size() == 600);
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(all[i].body.view() == std::to_string(i));
    CHECK(delivered() == 600);
}

TEST_CASE("schedule: a crash in the middle loses nothing, and what comes back is not early") {
    for (const auto mode : {crash_mode::drop_unsynced, crash_mode::keep_all}) {
        delayed_world broker;
        broker.make_topic("orders");
        std::map<std::string, timestamp_ms> sent;
        for (int i = 0; i < 40; ++i) {
            const auto body = std::to_string(i);
            broker.send(body, 0, delay(2));
            sent.emplace(body, broker.world.wall_clock()());
            broker.world.advance(100ms);
        }
        broker.world.advance(1'500ms); // some are delivered, and of those the last are not noted
        CHECK(broker.delivered() > 0);
        CHECK(broker.delivered() < 40);
        broker.crash(mode);
        broker.start();
        broker.world.advance(8s);
        std::map<std::string, int> times;
        for (const auto& one : broker.messages()) {
            const std::string body{one.body.view()};
            ++times[body];
            CHECK(one.stored - sent.at(body) >= 4'990); // of the moment just before it was stored
        }
        CHECK(times.size() == 40);
        int repeated = 0;
        for (const auto& entry : times)
            repeated += entry.second - 1;
        CHECK(repeated <= 6); // those of half a second, and of the batch under way
    }
}

// Goal: no moment at which a crash loses a message, or makes it early.
// How:  one message, and a crash a little later each time: before it is due, between its delivery and the note of it, and after that.
TEST_CASE("schedule: a process that dies between delivering a message and noting it delivers it twice, never not at all") {
    int twice = 0;
    for (const auto mode : {crash_mode::drop_unsynced, crash_mode::keep_all})
        for (auto lived = 900ms; lived < 1'900ms; lived += 50ms) {
            CAPTURE(lived.count());
            delayed_world broker;
            broker.make_topic("orders");
            const auto sent = broker.world.wall_clock()();
            broker.send("x", 0, delay(1));
            broker.world.advance(lived);
            const auto before = broker.messages().size();
            broker.crash(mode);
            broker.start();
            broker.world.advance(2s);
            const auto after = broker.messages();
            CHECK(after.size() >= 1);
            CHECK(after.size() <= before + 1);
            for (const auto& one : after)
                CHECK(one.stored - sent >= 1'000);
            twice += after.size() == 2 ? 1 : 0;
            broker.world.advance(2s, 100ms);
            CHECK(broker.messages().size() == after.size());
        }
    CHECK(twice > 0);  // the moment between was hit
    CHECK(twice < 30); // and so was the time after it
}

TEST_CASE_FIXTURE(delayed_world, "schedule: tools see how far each level is") {
    make_topic("orders");
    for (int i = 0; i < 3; ++i)
        send("soon", 0, delay(1));
    send("later", 0, delay(18));
    send("later", 0, delay(18));
    world.advance(2s);
    const auto described = answer<broker_described>(describe_broker{});
    REQUIRE(described);
    CHECK(described->values.at("scheduleMessageOffset_1") == "3,3");
    CHECK(described->values.at("scheduleMessageOffset_2") == "0,0");
    CHECK(described->values.at("scheduleMessageOffset_18") == "0,2");
    CHECK_FALSE(described->values.contains("scheduleMessageOffset_19"));
}

TEST_CASE_FIXTURE(delayed_world, "schedule: an orderly restart repeats nothing, and what was due meanwhile comes at once") {
    make_topic("orders");
    send("a", 0, delay(1));
    send("b", 0, delay(2));
    world.advance(1'500ms);
    CHECK(messages().size() == 1);
    stop();
    world.scheduler().advance_time(10s);
    start();
    world.advance(100ms);
    REQUIRE(messages().size() == 2);
    CHECK(messages()[1].body.view() == "b");
    world.advance(10s, 100ms);
    CHECK(messages().size() == 2);
}

TEST_CASE("schedule: in flush mode async progress is noted only for what is on the disk") {
    auto options = small_broker();
    options.store.flush = storage::flush_mode::async;
    options.flush_interval = 60s;
    delayed_world broker{options};
    broker.make_topic("orders");
    broker.send("a", 0, delay(1));
    broker.world.advance(5s);
    CHECK(broker.messages().size() == 1);
    const progress_key key{std::string{schedule_group}, {std::string{schedule_topic}, queue_id{0}}};
    CHECK(broker.answer<offset_found>(query_offset{key, false}).code() == errc::offset_not_found);
    broker.world.advance(65s, 100ms); // it is synced
    CHECK(broker.answer<offset_found>(query_offset{key, false})->offset == queue_offset{1});
}

TEST_CASE_FIXTURE(delayed_world, "schedule: a message whose topic is gone is dropped and counted, and those behind it come") {
    make_topic("orders");
    make_topic("gone");
    auto lost = message("x", 0, delay(1));
    lost.topic = "gone";
    REQUIRE(answer<messages_stored>(lost));
    send("y", 0, delay(1));
    REQUIRE(answer<topic_deleted>(delete_topic{"gone"}));
    std::vector<std::string> lines;
    set_log_sink([&lines](log_level, std::string_view text) { lines.emplace_back(text); });
    world.advance(2s);
    set_log_sink({});
    CHECK(messages().size() == 1);
    CHECK(node->metrics()->scheduled_dropped == 1);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("gone") != std::string::npos);
}

TEST_CASE_FIXTURE(delayed_world, "schedule: what is dropped counts once, however often those before it are tried") {
    make_topic("orders");
    make_topic("gone");
    send("y", 0, delay(1));
    auto lost = message("x", 0, delay(1));
    lost.topic = "gone";
    REQUIRE(answer<messages_stored>(lost));
    REQUIRE(answer<messages_stored>(lost));
    REQUIRE(answer<topic_deleted>(delete_topic{"gone"}));
    fill_disk();
    world.advance(5s);
    CHECK(messages().empty());
    CHECK(node->metrics()->scheduled_dropped == 0);
    files->set_hook({});
    std::vector<std::string> lines;
    set_log_sink([&lines](log_level, std::string_view text) { lines.emplace_back(text); });
    world.advance(5s);
    set_log_sink({});
    CHECK(messages().size() == 1);
    CHECK(node->metrics()->scheduled_dropped == 2);
    CHECK(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.find("gone") != std::string::npos; }) == 1);
}

TEST_CASE_FIXTURE(delayed_world, "schedule: a topic that has fewer queues by now gets the message all the same") {
    make_topic("orders", 4);
    send("x", 3, delay(1));
    make_topic("orders", 2);
    world.advance(2s);
    CHECK(messages("orders", 1).size() == 1);
}

TEST_CASE_FIXTURE(delayed_world, "schedule: while the disk is full messages wait, and come when there is room") {
    make_topic("orders");
    send("x", 0, delay(1));
    fill_disk();
    world.advance(5s);
    CHECK(messages().empty());
    files->set_hook({});
    world.advance(5s);
    CHECK(messages().size() == 1);
}

TEST_CASE_FIXTURE(delayed_world, "schedule: its topic is only read by others, and its progress is nobody else's") {
    make_topic("orders");
    CHECK(answer<topic_deleted>(delete_topic{"SCHEDULE_TOPIC_XXXX"}).code() == errc::system_name);
    topic_config changed;
    changed.name = "SCHEDULE_TOPIC_XXXX";
    CHECK(answer<topic_put>(put_topic{changed}).code() == errc::system_name);
    auto order = message("x");
    order.topic = "SCHEDULE_TOPIC_XXXX";
    CHECK(answer<messages_stored>(order).code() == errc::not_permitted);
    const auto topics = answer<topics_listed>(list_topics{});
    REQUIRE(topics);
    CHECK(topics->table.topics.at("SCHEDULE_TOPIC_XXXX").perm == permission::read); // no producer finds a queue of it
    CHECK(topics->table.topics.at("SCHEDULE_TOPIC_XXXX").read_queues == 18);
    const progress_key key{std::string{schedule_group}, {std::string{schedule_topic}, queue_id{0}}};
    CHECK_FALSE(answer<offset_committed>(commit_offset{key, queue_offset{5}}).ok());
    CHECK_FALSE(answer<group_deleted>(delete_group{std::string{schedule_group}, true}).ok());
}

TEST_CASE("schedule: a level that is not configured any more still delivers what waits in it") {
    delayed_world broker;
    broker.make_topic("orders");
    broker.send("x", 0, delay(4));
    broker.stop();
    auto options = small_broker();
    options.delay_levels = {1s, 2s};
    broker.start(options);
    broker.send("y", 0, delay(4)); // counts as the second
    broker.world.advance(3s);
    CHECK(broker.messages().size() == 2);
}

TEST_CASE("find_due: finds what is due and no more, and says what waits behind") {
    broker_world broker;
    broker.make_topic("orders");
    std::vector<timestamp_ms> stored;
    for (int i = 0; i < 5; ++i) {
        broker.send(std::to_string(i));
        stored.push_back(*broker.node->store().stored_at({"orders", queue_id{0}}, queue_offset{i}));
        broker.world.advance(100ms);
    }
    const auto find = [&broker](std::int64_t from, timestamp_ms stored_by, std::int64_t known_below = 0, std::int32_t messages_max = 100) {
        find_due order;
        order.queue = {"orders", queue_id{0}};
        order.from = queue_offset{from};
        order.stored_by = stored_by;
        order.known_below = queue_offset{known_below};
        order.messages_max = messages_max;
        auto found = find_due_in(broker.node->store(), order);
        REQUIRE(found);
        return *found;
    };
    const auto count = [](const due_found& found) { return protocol::decode_records(found.records)->size(); };
    const auto none = find(0, stored[0] + -1);
    CHECK(count(none) == 0);
    CHECK(none.next == queue_offset{0});
    CHECK(none.stored == stored[0]);
    CHECK(none.max == queue_offset{5});
    const auto some = find(1, stored[2]);
    CHECK(count(some) == 2);
    CHECK(some.next == queue_offset{3});
    CHECK(some.stored == stored[3]);
    const auto limited = find(0, stored[4], 0, 2);
    CHECK(count(limited) == 2);
    CHECK(limited.next == queue_offset{2});
    CHECK(count(find(0, stored[0], 2)) == 2); // the second by its offset
    const auto all = find(0, stored[4] + 1'000);
    CHECK(count(all) == 5);
    CHECK_FALSE(all.stored.has_value());
    CHECK(find(9, stored[4]).next == queue_offset{5}); // beyond the end
}
