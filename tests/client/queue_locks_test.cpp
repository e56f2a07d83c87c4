#include "client/internal/queue_locks.hpp"

#include <doctest/doctest.h>

using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

const message_queue a0{"t", "a", 0};
const message_queue a1{"t", "a", 1};
const message_queue b0{"t", "b", 0};

struct fixture {
    queue_locks locks;
    time_point now = time_point{} + 1h;
    queue_locks::request ask(const std::string& broker_name) {
        auto due = locks.take_due(now);
        REQUIRE(due.contains(broker_name));
        return due.at(broker_name);
    }
    void lock(const message_queue& queue) {
        locks.want(queue, now);
        CHECK(locks.answered(ask(queue.broker_name), {queue}, now).empty());
    }
};

} // namespace

TEST_CASE("queue locks: each broker is asked once for all its queues, and a lock is held when it says so") {
    fixture f;
    for (const auto& queue : {a1, b0, a0})
        f.locks.want(queue, f.now);
    const auto due = f.locks.take_due(f.now);
    REQUIRE(due.size() == 2);
    CHECK(due.at("a").queues == queue_locks::queue_list{a0, a1});
    CHECK(due.at("b").queues == queue_locks::queue_list{b0});
    CHECK(f.locks.take_due(f.now + 1min).empty()); // under way
    CHECK_FALSE(f.locks.holds(a0, f.now));
    CHECK(f.locks.answered(due.at("a"), {a1}, f.now).empty());
    CHECK(f.locks.holds(a1, f.now));
    CHECK_FALSE(f.locks.holds(a0, f.now));
    CHECK_FALSE(f.locks.holds(b0, f.now));
}

TEST_CASE("queue locks: renewed after 20 s, believed for 30 s from the question") {
    fixture f;
    f.locks.want(a0, f.now);
    const auto asked = f.ask("a");
    const auto answered_at = f.now + 2s;
    CHECK(f.locks.answered(asked, {a0}, answered_at).empty());
    CHECK(f.locks.next_due() == answered_at + 20s);
    CHECK(f.locks.take_due(answered_at + 20s - 1ms).empty());
    CHECK(f.locks.take_due(answered_at + 20s).size() == 1);
    CHECK(f.locks.next_due() == f.now + 30s);
    CHECK(f.locks.holds(a0, f.now + 30s - 1ms));
    CHECK_FALSE(f.locks.holds(a0, f.now + 30s));
    CHECK(f.locks.take_expired(f.now + 30s) == queue_locks::queue_list{a0});
    CHECK(f.locks.take_expired(f.now + 31s).empty());
}

TEST_CASE("queue locks: a machine that has slept does not believe for longer") {
    fixture f;
    f.locks.want(a0, f.now);
    CHECK(f.locks.answered(f.ask("a"), {a0}, f.now).empty());
    const auto woken = [&f](std::chrono::seconds slept, std::chrono::seconds set) { return lock_moment{f.now + 1s, {slept, set}}; };
    CHECK(f.locks.holds(a0, woken(28s, 0s)));
    CHECK_FALSE(f.locks.holds(a0, woken(29s, 0s)));
    CHECK_FALSE(f.locks.holds(a0, woken(0s, 40s))); // a virtual machine that was paused
    CHECK(f.locks.holds(a0, woken(0s, -40s)));      // a wall clock that is set back makes nothing longer
    CHECK_FALSE(f.locks.holds(a0, lock_moment{f.now + 30s, {0s, -40s}}));
    CHECK(f.locks.take_expired(woken(0s, 40s)) == queue_locks::queue_list{a0});
    CHECK_FALSE(f.locks.holds(a0, f.now));
}

TEST_CASE("queue locks: a machine that slept over the answer asks again at once") {
    fixture f;
    f.locks.want(a0, f.now);
    const auto asked = f.ask("a");
    const lock_moment woken{f.now + 1s, {40s, 0s}};
    CHECK(f.locks.answered(asked, {a0}, woken).empty());
    CHECK_FALSE(f.locks.holds(a0, woken));
    const auto again = f.locks.take_due(woken);
    REQUIRE(again.contains("a"));
    CHECK(f.locks.answered(again.at("a"), {a0}, woken).empty());
    CHECK(f.locks.holds(a0, woken));
    CHECK(f.locks.take_due(woken).empty());
}

TEST_CASE("queue locks: refused and failed questions are repeated soon, and a lock that went to another is lost") {
    fixture f;
    f.lock(a0);
    f.now += 20s;
    const auto renewal = f.ask("a");
    CHECK(f.locks.answered(renewal, {}, f.now) == queue_locks::queue_list{a0});
    CHECK_FALSE(f.locks.holds(a0, f.now));
    CHECK(f.locks.next_due() == f.now + 500ms);
    f.now += 500ms;
    const auto again = f.ask("a");
    f.locks.failed(again, f.now);
    CHECK(f.locks.next_due() == f.now + 500ms);
    CHECK(f.locks.answered(again, {a0}, f.now).empty()); // after all, but it was given up
    CHECK_FALSE(f.locks.holds(a0, f.now));
}

TEST_CASE("queue locks: a failed renewal does not end a belief that is still good") {
    fixture f;
    f.lock(a0);
    f.now += 20s;
    f.locks.failed(f.ask("a"), f.now);
    CHECK(f.locks.holds(a0, f.now));
    CHECK(f.locks.take_expired(f.now).empty());
}

TEST_CASE("queue locks: an answer to a question from before the queue was given up changes nothing") {
    fixture f;
    f.locks.want(a0, f.now);
    const auto old = f.ask("a");
    CHECK(f.locks.give_up(a0)); // the broker may lock it yet
    f.locks.want(a0, f.now);
    const auto fresh = f.ask("a");
    CHECK(f.locks.answered(old, {a0}, f.now).empty());
    CHECK_FALSE(f.locks.holds(a0, f.now)); // unlocked in between, as the broker sees it
    CHECK(f.locks.answered(fresh, {}, f.now).empty());
    CHECK_FALSE(f.locks.holds(a0, f.now));
    CHECK_FALSE(f.locks.give_up(a0));
    CHECK_FALSE(f.locks.give_up(b0));
}

TEST_CASE("queue locks: after a broker was away, its locks are renewed at once and nobody else's") {
    fixture f;
    f.lock(a0);
    f.lock(b0);
    f.locks.doubt("a", f.now);
    f.now += 500ms;
    const auto due = f.locks.take_due(f.now);
    CHECK(due.size() == 1);
    CHECK(due.contains("a"));
}
