#include "actors/schedule/timer_book.hpp"

#include "protocol/property_edit.hpp"
#include "tests/actors/timer_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

using texts = std::vector<std::string>;
using recall_outcome = timer_book::recall_outcome;

namespace {

struct open_world : timer_world {
    explicit open_world(storage::flush_mode flush = storage::flush_mode::sync) : timer_world{1, flush} {
        REQUIRE(open());
        run();
    }
};

} // namespace

TEST_CASE("timer_book: a timer is delivered when it is due, and not a millisecond before") {
    open_world world;
    REQUIRE(world.park("a", 1'000'500));
    world.run();
    CHECK(world.book->pending() == 1);
    CHECK(world.book->behind() == 0);
    world.run_at(1'000'499);
    CHECK(world.bodies().empty());
    CHECK(world.book->late_ms(world.now) == 0);
    CHECK(world.book->next(world.now).wake == timestamp_ms{1'000'500});
    world.run_at(1'000'500);
    CHECK(world.bodies() == texts{"a"});
    CHECK(world.book->pending() == 0);
    world.run_at(1'900'000);
    CHECK(world.bodies() == texts{"a"});
    CHECK(world.book->counts().delivered == 1);
}

TEST_CASE("timer_book: a delivered message says when it was due, and nothing of where it waited") {
    open_world world;
    REQUIRE(world.park("a", 1'000'500));
    world.run_at(1'000'700);
    const auto messages = world.delivered();
    REQUIRE(messages.size() == 1);
    const auto& properties = messages[0].properties;
    CHECK(protocol::find_property(properties, "TIMER_OUT_MS") == "1000500");
    CHECK(protocol::find_property(properties, "TIMER_ENQUEUE_MS") == "1000000");
    CHECK(protocol::find_property(properties, "TIMER_DEQUEUE_MS") == "1000700");
    CHECK(protocol::find_property(properties, "UNIQ_KEY") == "a");
    CHECK_FALSE(protocol::find_property(properties, "REAL_TOPIC"));
    CHECK_FALSE(protocol::find_property(properties, "REAL_QID"));
}

TEST_CASE("timer_book: a timer of three days takes as many steps as it has seconds, and no real time") {
    open_world world;
    constexpr auto days = std::chrono::milliseconds{std::chrono::hours{72}}.count();
    const auto due = world.now.value() + days;
    REQUIRE(world.park("patient", due));
    std::int64_t steps = 0;
    while (world.bodies().empty()) {
        const auto wake = world.book->next(world.now).wake;
        REQUIRE(wake <= world.now + 1'000);
        world.now = std::max(wake, world.now + 600'000); // a machine that sleeps for ten minutes at a time
        world.now = std::min(world.now, timestamp_ms{due});
        world.run();
        REQUIRE(++steps < 1'000);
    }
    CHECK(world.now == timestamp_ms{due});
}

TEST_CASE("timer_book: what is due together comes in the order in which it was sent, and earlier ones first") {
    open_world world;
    for (const auto* key : {"b1", "b2", "b3", "b4", "b5", "b6", "b7"})
        REQUIRE(world.park(key, 1'000'200));
    REQUIRE(world.park("a", 1'000'100));
    world.run_at(1'000'300);
    CHECK(world.bodies() == texts{"a", "b1", "b2", "b3", "b4", "b5", "b6", "b7"});
}

TEST_CASE("timer_book: a timer that is due before others that wait, or is over, is found") {
    open_world world;
    REQUIRE(world.park("late", 1'900'000));
    REQUIRE(world.park("mid", 1'000'100));
    world.run_at(1'000'200);
    REQUIRE(world.park("over", 900'000));
    world.run();
    REQUIRE(world.park("soon", 1'000'300));
    world.run_at(1'000'300);
    CHECK(world.bodies() == texts{"mid", "over", "soon"});
}

TEST_CASE("timer_book: the clock set back delivers nothing early") {
    open_world world;
    REQUIRE(world.park("a", 1'000'500));
    world.run_at(1'000'100);
    world.run_at(500'000);
    REQUIRE(world.park("b", 500'100));
    world.run_at(500'100);
    CHECK(world.bodies() == texts{"b"});
    world.run_at(1'000'500);
    CHECK(world.bodies() == texts{"b", "a"});
}

TEST_CASE("timer_book: pending timers survive every kind of crash, and what was delivered is not delivered again") {
    for (const auto mode : all_crash_modes)
        for (const bool checkpoint : {false, true}) {
            INFO(to_string(mode), ", checkpoint ", checkpoint);
            open_world world;
            for (int i = 0; i < 20; ++i)
                REQUIRE(world.park("k" + std::to_string(i), 1'000'000 + 100 * i));
            world.run_at(1'000'900);
            if (checkpoint)
                world.book->close();
            CHECK(world.bodies().size() == 10);
            REQUIRE(world.crash(mode));
            world.run();
            CHECK(world.book->pending() == 10);
            CHECK(world.bodies().size() == 10);
            world.run_at(1'005'000);
            CHECK(world.bodies().size() == 20);
            CHECK(world.bodies().back() == "k19");
            CHECK(world.warned.empty());
        }
}

TEST_CASE("timer_book: timers survive although the log has forgotten them") {
    open_world world;
    REQUIRE(world.park("kept", 900'000'000));
    world.run();
    world.run_at(1'061'000); // a checkpoint is due
    for (int i = 0; i < 40; ++i)
        REQUIRE(world.append({world.draft("filler", std::string(100'000, 'x'))}));
    world.now = timestamp_ms{500'000'000};
    REQUIRE(world.log->retain(world.now).value() > 0);
    REQUIRE(world.log->bounds(timer_queue()).value().min == queue_offset{1});
    REQUIRE(world.crash(crash_mode::drop_unsynced));
    world.run();
    CHECK(world.book->pending() == 1);
    CHECK(world.book->counts().lost == 0);
    world.run_at(900'000'000);
    CHECK(world.bodies().back() == "kept");
}

// Goal: a checkpoint counts only when it is done. How: as a broker, with flushes in the background; that of the checkpoint fails, nothing
// is written after it, and retention comes before the crash.
TEST_CASE("timer_book: a checkpoint that fails in the background is made again, before retention and a crash take the timer") {
    open_world world;
    world.book_options.checkpoints_wait = false;
    REQUIRE(world.restart());
    world.run();
    // Flushes take real time, and the test's clock stands still.
    const auto wait_until = [&world](const auto& holds) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
        while (!holds()) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            world.run();
            std::this_thread::yield();
        }
    };
    REQUIRE(world.park("kept", 900'000'000));
    world.run();
    CHECK_FALSE(world.book->is_saved());
    world.files->set_hook([](const call_info& call) {
        const bool is_timers = call.path.find("/timers/") != std::string::npos;
        return is_timers && call.kind == call_kind::write ? std::optional{call_fault::io} : std::nullopt;
    });
    world.run_at(1'061'000); // a checkpoint is due
    wait_until([&] { return !world.book->is_ready(); });
    CHECK_FALSE(world.book->is_saved());
    world.files->set_hook(nullptr);
    world.run_at(1'063'000);
    CHECK(world.book->is_ready());
    CHECK(world.book->pending() == 1);
    CHECK_FALSE(world.book->is_saved());
    world.run_at(1'130'000); // the next one
    wait_until([&] { return world.book->is_saved(); });
    for (int i = 0; i < 40; ++i)
        REQUIRE(world.append({world.draft("filler", std::string(100'000, 'x'))}));
    world.now = timestamp_ms{500'000'000};
    REQUIRE(world.log->retain(world.now).value() > 0);
    REQUIRE(world.log->bounds(timer_queue()).value().min == queue_offset{1});
    REQUIRE(world.crash(crash_mode::drop_unsynced));
    world.run();
    CHECK(world.book->pending() == 1);
    CHECK(world.book->counts().lost == 0);
}

TEST_CASE("timer_book: a last flush that fails is reported") {
    open_world world;
    REQUIRE(world.park("a", 1'000'500));
    world.run();
    world.files->set_hook(
        [](const call_info& call) { return call.kind == call_kind::write ? std::optional{call_fault::io} : std::nullopt; });
    world.book->close();
    REQUIRE(world.warned.size() == 1);
    CHECK(world.warned[0].find("taken from the log") != std::string::npos);
    world.files->set_hook(nullptr);
}

TEST_CASE("timer_book: without its store, it takes from the log what is still there") {
    open_world world;
    REQUIRE(world.park("a", 1'000'100));
    REQUIRE(world.park("b", 1'000'200));
    REQUIRE(world.park("c", 1'000'300));
    world.run();
    REQUIRE(world.recall("c"));
    world.run_at(1'000'100);
    world.close();
    for (const auto& entry : world.files->list("/store/timers").value())
        static_cast<void>(world.files->remove("/store/timers/" + entry.name));
    REQUIRE(world.restart());
    world.run_at(1'000'400);
    CHECK(world.bodies() == texts{"a", "b"});
}

TEST_CASE("timer_book: a recalled timer is not delivered, nor after a crash") {
    for (const auto mode : all_crash_modes) {
        open_world world;
        REQUIRE(world.park("a", 1'000'500));
        REQUIRE(world.park("b", 1'000'500));
        world.run();
        CHECK(world.recall("a"));
        CHECK(world.recall("a")); // once more, while it is under way
        world.run();
        CHECK(world.book->pending() == 1);
        CHECK(world.book->counts().recalled == 1);
        CHECK(world.book->recall("orders", "a") == recall_outcome::not_there);
        CHECK(world.book->recall("orders", "never") == recall_outcome::not_there);
        REQUIRE(world.crash(mode));
        world.run_at(1'000'500);
        CHECK(world.bodies() == texts{"b"});
    }
}

TEST_CASE("timer_book: a timer can be recalled before it was taken in, and until it is handed to the log") {
    open_world world;
    REQUIRE(world.park("a", 1'000'500));
    CHECK(world.recall("a"));
    world.run_at(1'000'500);
    CHECK(world.bodies().empty());

    REQUIRE(world.park("b", 1'000'600));
    world.now = timestamp_ms{1'000'600};
    timer_book::step step;
    while (!step.append)
        step = world.book->next(world.now);
    CHECK(world.book->recall("orders", "b") == recall_outcome::too_late);
    world.book->not_appended(world.now);
    // It is on its way no more: the order comes in time.
    CHECK(world.recall("b"));
    world.run_at(1'002'000);
    CHECK(world.bodies().empty());
    CHECK(world.book->pending() == 0);
}

// Goal: nobody is told that something is recalled which was delivered. How: the database is behind the note of its delivery.
TEST_CASE("timer_book: after a crash nothing is recalled before the log is worked off") {
    open_world world;
    REQUIRE(world.park("a", 1'000'100));
    REQUIRE(world.park("b", 1'900'000));
    world.run();
    world.book->close(); // the database has both
    world.run_at(1'000'100);
    REQUIRE(world.bodies() == texts{"a"});
    REQUIRE(world.crash(crash_mode::keep_all));
    while (!world.book->is_ready()) {
        CHECK(world.book->recall("orders", "a") == recall_outcome::busy);
        CHECK(world.book->recall("orders", "b") == recall_outcome::busy);
        REQUIRE(world.step());
    }
    CHECK(world.book->recall("orders", "a") == recall_outcome::not_there);
    CHECK(world.book->recall("orders", "b") == recall_outcome::accepted);
}

TEST_CASE("timer_book: a timer whose recall was accepted is held back, and comes if the order could not be stored") {
    open_world world;
    REQUIRE(world.park("a", 1'000'500));
    world.run();
    REQUIRE(world.book->recall("orders", "a") == recall_outcome::accepted);
    world.run_at(1'001'000);
    CHECK(world.bodies().empty());
    world.book->recall_failed("orders", "a");
    world.run();
    CHECK(world.bodies() == texts{"a"});
}

TEST_CASE("timer_book: a timer is recalled whatever its key holds, nor is it delivered after a crash") {
    for (const std::string key : {"a+1", "orders+1", "+", "key of x"}) {
        open_world world;
        REQUIRE(world.park(key, 1'000'500));
        REQUIRE(world.park("1", 1'000'500));
        world.run();
        CHECK(world.recall(key));
        world.run();
        REQUIRE(world.crash(crash_mode::keep_all));
        world.run_at(1'000'500);
        CHECK(world.bodies() == texts{"1"});
    }
}

// Goal: what a recall held back and does not remove is not forgotten. How: more timers of one name than one recall looks at, all due
// while it is under way.
TEST_CASE("timer_book: timers that a recall held back and that are still there are delivered") {
    open_world world;
    for (int i = 0; i < 70; ++i)
        REQUIRE(world.park("same", 1'000'500));
    REQUIRE(world.park("other", 1'000'500));
    world.run();
    REQUIRE(world.book->recall("orders", "same") == recall_outcome::accepted);
    world.run_at(1'001'000);
    CHECK(world.bodies() == texts{"other"});
    REQUIRE(world.append({make_recall("orders", "same", world.now)}));
    world.run();
    CHECK(world.book->counts().recalled == 64);
    CHECK(world.bodies().size() == 1 + 6);
    CHECK(world.book->pending() == 0);
}

TEST_CASE("timer_book: RocketMQ's order to delete a timer, sent as a message, in both spellings") {
    open_world world;
    for (const auto* key : {"a", "b", "c"})
        REQUIRE(world.park(key, 1'000'500));
    for (const auto* value : {"a", "orders+b"}) {
        auto order = world.draft("order", "0");
        protocol::set_property(order.properties, "TIMER_DEL_UNIQKEY", value);
        park_timer(order, timestamp_ms{1'000'500});
        REQUIRE(world.append({order}));
    }
    world.run_at(1'000'600);
    CHECK(world.bodies() == texts{"c"});
}

TEST_CASE("timer_book: recalls under way are bounded") {
    open_world world;
    world.book_options.recalls_max = 2;
    REQUIRE(world.restart());
    world.run();
    for (const auto* key : {"a", "b", "c"})
        REQUIRE(world.park(key, 1'000'500));
    CHECK(world.recall("a"));
    CHECK(world.recall("b"));
    CHECK(world.book->recall("orders", "c") == recall_outcome::busy);
    world.run();
    CHECK(world.recall("c"));
}

TEST_CASE("timer_book: a batch that could not be appended is tried again after a pause") {
    open_world world;
    REQUIRE(world.park("a", 1'000'100));
    world.run();
    world.now = timestamp_ms{1'000'100};
    auto step = world.book->next(world.now);
    REQUIRE(step.append);
    CHECK_FALSE(world.book->next(world.now).append); // one at a time
    world.book->not_appended(world.now);
    step = world.book->next(world.now);
    CHECK_FALSE(step.append);
    CHECK(step.wake == world.now + timer_schedule::pause_after_failure.count());
    world.now = step.wake;
    world.run();
    CHECK(world.bodies() == texts{"a"});
}

TEST_CASE("timer_book: a timer whose topic is gone is dropped and reported") {
    open_world world;
    auto message = world.draft("a", "a");
    message.topic = "gone";
    park_timer(message, timestamp_ms{1'000'100});
    REQUIRE(world.append({message}));
    REQUIRE(world.park("b", 1'000'100));
    world.run_at(1'000'100);
    CHECK(world.bodies() == texts{"b"});
    CHECK(world.book->pending() == 0);
    CHECK(world.book->counts().dropped == 1);
    CHECK(world.book->counts().delivered == 1);
    REQUIRE(world.warned.size() == 1);
    CHECK(world.warned[0].find("topic gone does not exist") != std::string::npos);
}

TEST_CASE("timer_book: a record among the timers that is none is dropped") {
    open_world world;
    auto message = world.draft("a", "a");
    message.topic = timer_topic;
    REQUIRE(world.append({message}));
    REQUIRE(world.park("b", 1'000'100));
    world.run_at(1'000'100);
    CHECK(world.bodies() == texts{"b"});
    CHECK(world.book->counts().dropped == 1);
}

// Goal: in flush mode async, a timer is not forgotten before its copy is on the disk. How: lose everything that was not synced.
TEST_CASE("timer_book: in flush mode async, a power loss takes copies back but no timer") {
    open_world world{storage::flush_mode::async};
    for (int i = 0; i < 30; ++i)
        REQUIRE(world.park("k" + std::to_string(i), 1'000'100));
    REQUIRE(world.log->flush());
    world.run_at(1'000'050);
    world.book->close();
    world.run_at(1'000'100);
    CHECK(world.bodies().size() == 30);
    CHECK(world.book->pending() == 30); // until the copies are durable
    world.book->close();
    REQUIRE(world.crash(crash_mode::drop_unsynced));
    CHECK(world.bodies().empty());
    world.run();
    CHECK(world.bodies().size() == 30);
    REQUIRE(world.log->flush());
    world.run();
    CHECK(world.book->pending() == 0);
    REQUIRE(world.crash(crash_mode::drop_unsynced));
    world.run_at(1'100'000);
    CHECK(world.bodies().size() == 30);
}

// Goal: no timer is taken for one that was worked off before. How: a power loss takes ten that were, and before the book looks at the log
// there are more than ten again.
TEST_CASE("timer_book: in flush mode async, what is sent after a power loss is not taken for what it took") {
    open_world world{storage::flush_mode::async};
    for (int i = 0; i < 10; ++i)
        REQUIRE(world.park("old" + std::to_string(i), 1'000'100));
    world.run();
    world.book->close();
    world.files->crash(crash_mode::drop_unsynced);
    world.close();
    world.files = world.files->restart();
    REQUIRE(world.open_log());
    REQUIRE(world.log->bounds(timer_queue()).value().max == queue_offset{0});
    for (int i = 0; i < 12; ++i)
        REQUIRE(world.park("new" + std::to_string(i), 1'000'200));
    REQUIRE(world.open_book());
    world.run();
    CHECK(world.book->behind() == 0);
    for (int i = 0; i < 12; ++i)
        CHECK(world.book->find("orders", "new" + std::to_string(i)).ok());
    world.run_at(1'000'200);
    const auto all = world.bodies();
    for (int i = 0; i < 12; ++i)
        CHECK(std::count(all.begin(), all.end(), "new" + std::to_string(i)) == 1);
}

TEST_CASE("timer_book: in flush mode async, delivery waits when too much is not durable") {
    open_world world{storage::flush_mode::async};
    world.book_options.undurable_max = 40;
    REQUIRE(world.restart());
    world.run();
    constexpr int timers = 48;
    for (int i = 0; i < timers; ++i)
        REQUIRE(world.park("k" + std::to_string(i), 1'000'100));
    world.run_at(1'000'100);
    CHECK(world.bodies().size() == timers - 8);
    CHECK(world.book->late_ms(timestamp_ms{1'000'300}) == 200);
    REQUIRE(world.log->flush());
    world.run();
    CHECK(world.bodies().size() == timers);
}

TEST_CASE("timer_book: a store that fails is opened again, and each timer is delivered once") {
    open_world world;
    for (int i = 0; i < 12; ++i)
        REQUIRE(world.park("k" + std::to_string(i), 1'000'000 + 1'000 * i));
    world.run_at(1'003'000);
    CHECK(world.bodies().size() == 4);
    world.files->set_hook([](const call_info& call) {
        const bool is_timers = call.path.find("/timers/") != std::string::npos;
        return is_timers && call.kind != call_kind::read ? std::optional{call_fault::io} : std::nullopt;
    });
    world.run_at(1'070'000); // a checkpoint is due
    CHECK_FALSE(world.book->is_ready());
    REQUIRE(world.warned.size() == 1); // once
    CHECK(world.book->recall("orders", "k11") == recall_outcome::busy);
    world.run_at(1'080'000);
    CHECK(world.warned.size() == 1);
    world.files->set_hook(nullptr);
    world.run_at(1'090'000);
    CHECK(world.book->is_ready());
    CHECK(world.bodies().size() == 12);
    CHECK(world.book->pending() == 0);
}

TEST_CASE("timer_book: what is looked at for a page of timers is bounded in bytes, and the next page goes on") {
    timer_world world;
    world.log_options.segment_bytes = 8 << 20;
    REQUIRE(world.open());
    world.run();
    constexpr int timers = 24;
    const std::string body(1 << 20, 'x');
    for (int i = 0; i < timers; ++i) {
        auto message = world.draft("k" + std::to_string(i), body);
        park_timer(message, timestamp_ms{2'000'000 + i});
        REQUIRE(world.append({message}));
    }
    world.run();
    int seen = 0;
    for (auto from = storage::first_timer_key; from != storage::no_timer_key;) {
        const auto page = world.book->list(from, "", 1'000, 10'000).value();
        std::size_t bytes = 0;
        for (const auto& timer : page.timers) {
            bytes += timer.record.size();
            CHECK(timer.unique_key == "k" + std::to_string(seen++));
        }
        REQUIRE_FALSE(page.timers.empty());
        CHECK(bytes <= timer_book::page_bytes_max);
        from = page.next;
    }
    CHECK(seen == timers);
    // Timers of other topics are looked at, too.
    const auto other = world.book->list(storage::first_timer_key, "none", 1'000, 10'000).value();
    CHECK(other.timers.empty());
    CHECK(other.next.due > timestamp_ms{2'000'010});
    CHECK(other.next.due < timestamp_ms{2'000'020});
}

TEST_CASE("timer_book: a timer that is damaged on disk is lost and reported, and keeps no other from being delivered") {
    open_world world;
    for (const auto* key : {"a", "b", "c"}) {
        auto message = world.draft(key, std::string(600, key[0]));
        park_timer(message, timestamp_ms{1'000'500});
        REQUIRE(world.append({message}));
    }
    world.run();
    world.book->close();
    world.close();
    int damaged = 0;
    for (const auto& entry : world.files->list("/store/timers").value()) {
        const auto path = "/store/timers/" + entry.name;
        auto bytes = entry.name.ends_with(".blob") ? world.files->content(path).value() : std::string{};
        if (const auto body = bytes.find(std::string(600, 'b')); body != std::string::npos) {
            bytes[body + 300] = 'x';
            world.files->put(path, bytes);
            ++damaged;
        }
    }
    REQUIRE(damaged == 1);
    REQUIRE(world.restart());
    world.run();
    CHECK(world.book->pending() == 3);
    CHECK(world.book->list(storage::first_timer_key, "", 10, 1'000).value().timers.size() == 2);
    CHECK(world.book->recall("orders", "b") == recall_outcome::not_there);
    CHECK(world.book->find("orders", "c").ok());
    world.run_at(1'000'500);
    REQUIRE(world.bodies().size() == 2);
    CHECK(world.bodies()[0][0] == 'a');
    CHECK(world.bodies()[1][0] == 'c');
    CHECK(world.book->pending() == 0);
    CHECK(world.book->counts().lost == 1);
    REQUIRE(world.warned.size() == 1);
    CHECK(world.warned[0].find("due at 1000500") != std::string::npos);
    CHECK(world.book->is_ready());
}

TEST_CASE("timer_book: people see pending timers in order, page by page, and one by its name") {
    open_world world;
    for (int i = 0; i < 10; ++i)
        REQUIRE(world.park("k" + std::to_string(i), 2'000'000 + i));
    auto other = world.draft("other", "0123456789");
    other.topic = "others";
    park_timer(other, timestamp_ms{2'000'005});
    REQUIRE(world.append({other}));
    world.run();
    const auto first = world.book->list(storage::first_timer_key, "orders", 7, 1'000).value();
    REQUIRE(first.timers.size() == 7);
    CHECK(first.timers[6].unique_key == "k6");
    const auto second = world.book->list(first.next, "orders", 7, 1'000).value();
    REQUIRE(second.timers.size() == 3);
    CHECK(second.next == storage::no_timer_key);
    // A look that ends early says where to go on.
    const auto little = world.book->list(storage::first_timer_key, "others", 7, 4).value();
    CHECK(little.timers.empty());
    CHECK(little.next.due == timestamp_ms{2'000'004});
    const auto found = world.book->find("others", "other");
    REQUIRE(found.ok());
    CHECK(found->key.due == timestamp_ms{2'000'005});
    CHECK(found->body_bytes == 10);
    CHECK(found->stored == world.now);
    CHECK(world.book->find("orders", "other").code() == errc::message_not_found);
}
