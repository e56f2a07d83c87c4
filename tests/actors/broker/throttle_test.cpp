#include "actors/broker/throttle.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr clock_time start{};

struct world {
    std::shared_ptr<admission> holds = std::make_shared<admission>(3);
    std::shared_ptr<delivery_quotas> shares = std::make_shared<delivery_quotas>();
    throttle waiting{holds, shares};

    world() { shares->set("g", 1); }
    /// From now on the group has to wait for so many seconds.
    void spend(std::int64_t seconds, clock_time now) { shares->charge("g", seconds + 1, now); }
    result<void> pull(std::uint64_t ticket, clock_time deadline, clock_time now = start) {
        throttled_pull one;
        one.group = "g";
        one.pull.ticket = ticket;
        one.deadline = deadline;
        return waiting.hold(std::move(one), now);
    }
    result<void> pop(std::uint64_t ticket, clock_time deadline, clock_time now = start) {
        throttled_pop one;
        one.group = "g";
        one.pull.ticket = ticket;
        one.deadline = deadline;
        return waiting.hold(std::move(one), now);
    }
};

} // namespace

TEST_CASE_FIXTURE(world, "throttle: a pull goes on when its group has a share again, and its unit of the bound is given back") {
    spend(2, start);
    CHECK(pull(1, start + 9s).ok());
    CHECK(holds->under_way() == 1);
    CHECK(waiting.take_due_pulls(start + 2s - 1ms).empty());
    const auto due = waiting.take_due_pulls(start + 2s);
    REQUIRE(due.size() == 1);
    CHECK(due[0].held.pull.ticket == 1);
    CHECK(due[0].left == 7s);
    CHECK(holds->under_way() == 0);
    CHECK(waiting.take_due_pulls(start + 9s).empty());
}

TEST_CASE_FIXTURE(world, "throttle: one whose deadline comes before its share is over then") {
    spend(5, start);
    CHECK(pull(1, start + 3s).ok());
    CHECK(pop(2, start + 4s).ok());
    CHECK(waiting.take_due_pulls(start + 3s - 1ms).empty());
    const auto pulls = waiting.take_due_pulls(start + 3s);
    REQUIRE(pulls.size() == 1);
    CHECK_FALSE(pulls[0].left);
    CHECK(holds->under_way() == 1);
    const auto pops = waiting.take_due_pops(start + 5s);
    REQUIRE(pops.size() == 1);
    CHECK_FALSE(pops[0].left); // its share has come, too, and too late
    CHECK(holds->under_way() == 0);
}

TEST_CASE_FIXTURE(world, "throttle: where others of the group were faster one waits on, until its deadline at most") {
    spend(1, start);
    CHECK(pull(1, start + 3s).ok());
    spend(1, start + 1s);
    CHECK(waiting.take_due_pulls(start + 1s).empty());
    CHECK(holds->under_way() == 1);
    spend(9, start + 2s);
    CHECK(waiting.take_due_pulls(start + 2s).empty());
    const auto due = waiting.take_due_pulls(start + 3s);
    REQUIRE(due.size() == 1);
    CHECK_FALSE(due[0].left);
}

TEST_CASE_FIXTURE(world, "throttle: pulls and pops share one bound, and beyond it the answer is busy") {
    spend(5, start);
    CHECK(pull(1, start + 9s).ok());
    CHECK(pop(2, start + 9s).ok());
    CHECK(pull(3, start + 9s).ok());
    CHECK(pull(4, start + 9s).code() == errc::busy);
    CHECK(pop(5, start + 9s).code() == errc::busy);
    waiting.drop_pulls(ticket_holder_actor{}, {3, 4});
    CHECK(holds->under_way() == 2);
    waiting.drop_pops(pop_holder_actor{}, {1, 2});
    CHECK(holds->under_way() == 1);
    CHECK(pop(6, start + 9s).ok());
    CHECK(waiting.take_all_pulls().size() == 1);
    CHECK(waiting.take_all_pops().size() == 1);
    CHECK(holds->under_way() == 0);
    CHECK(waiting.take_due_pulls(start + 20s).empty());
}

TEST_CASE_FIXTURE(world, "throttle: one timer runs, for what is due first, and one that another has overtaken means nothing") {
    CHECK_FALSE(waiting.set_alarm());
    spend(5, start);
    CHECK(pull(1, start + 3s).ok());
    const auto first = waiting.set_alarm();
    REQUIRE(first);
    CHECK(first->due == start + 3s);
    CHECK_FALSE(waiting.set_alarm());
    CHECK(pop(2, start + 4s).ok());
    CHECK_FALSE(waiting.set_alarm()); // the running one rings before
    CHECK(pop(3, start + 2s).ok());
    const auto second = waiting.set_alarm();
    REQUIRE(second);
    CHECK(second->due == start + 2s);
    CHECK_FALSE(waiting.ring(first->number));
    CHECK_FALSE(waiting.set_alarm());
    CHECK(waiting.ring(second->number));
    CHECK(waiting.take_due_pops(start + 2s).size() == 1);
    const auto third = waiting.set_alarm();
    REQUIRE(third);
    CHECK(third->due == start + 3s);
    CHECK(waiting.ring(third->number));
}
