#include "actors/pop/pop_hold.hpp"

#include "tests/actors/virtual_system.hpp"
#include "tests/support/random_seed.hpp"

#include <caf/actor_addr.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

using numbers = std::vector<std::uint64_t>;

timestamp_ms ms(std::int64_t time) {
    return timestamp_ms{time};
}

pop_hold::held waiting(std::uint64_t ticket, std::int64_t until, const std::string& group = "g", std::int32_t queue = -1) {
    pop_hold::held one;
    one.pop.ticket = ticket;
    one.pop.pop.topic = "t";
    one.pop.pop.group = group;
    one.pop.pop.queue = queue_id{queue};
    one.deadline = one.until = ms(until);
    return one;
}

numbers tickets(const std::vector<pop_hold::held>& held) {
    numbers all;
    for (const auto& one : held)
        all.push_back(one.pop.ticket);
    return all;
}

const pop_place place{"t", "g"};
using groups = std::set<std::string>;

/// Everybody who would have a turn, if each found something.
numbers turns_of(const pop_hold& hold, const pop_place& at) {
    numbers all;
    pop_turns turns{hold, at};
    while (const auto number = turns.next())
        all.push_back(*number);
    return all;
}

} // namespace

TEST_CASE("pop_hold: who waits is found by what they wait for") {
    pop_hold hold{10, 100};
    REQUIRE(hold.add(waiting(1, 100, "any")));
    REQUIRE(hold.add(waiting(2, 100, "one", 1)));
    REQUIRE(hold.add(waiting(3, 100, "both", 1)));
    REQUIRE(hold.add(waiting(4, 100, "both")));
    CHECK(hold.groups_waiting({"t", queue_id{0}}) == groups{"any", "both"});
    CHECK(hold.groups_waiting({"t", queue_id{1}}) == groups{"any", "both", "one"});
    CHECK(hold.has_waiting({"t", "one"}, queue_id{1}));
    CHECK_FALSE(hold.has_waiting({"t", "one"}, queue_id{0}));
    CHECK(hold.has_waiting({"t", "any"}, queue_id{7}));
    auto same = waiting(5, 100, "one", 1);
    CHECK(hold.has_waiting({"t", "one"}, wish_of(same.pop)));
    same.pop.queues = 8; // the topic has grown: there is more to look at
    CHECK_FALSE(hold.has_waiting({"t", "one"}, wish_of(same.pop)));
    (void)hold.take("one", {});
    CHECK(hold.groups_waiting({"t", queue_id{1}}) == groups{"any", "both"});
}

TEST_CASE("pop_turns: the longest waiting first, and nobody behind one who found nothing of the same") {
    pop_hold hold{100, 100};
    for (std::uint64_t ticket = 1; ticket <= 6; ++ticket)
        REQUIRE(hold.add(waiting(ticket, 100, "g", ticket % 2 == 0 ? -1 : 0)));
    const auto next = [&hold](pop_turns& turns) {
        const auto number = turns.next();
        return number ? hold.find(*number)->pop.ticket : 0;
    };
    pop_turns turns{hold, place};
    CHECK(next(turns) == 1);
    (void)hold.remove(*turns_of(hold, place).begin()); // it found something
    CHECK(next(turns) == 2);
    turns.nothing_left();
    CHECK(next(turns) == 3);
    CHECK(next(turns) == 5);
    turns.nothing_left();
    CHECK(next(turns) == 0);
    CHECK(next(turns) == 0);
    pop_turns of_another_queue{hold, place, {queue_id{1}}};
    CHECK(next(of_another_queue) == 2);
    CHECK(next(of_another_queue) == 4);
    pop_turns of_this_queue{hold, place, {queue_id{0}}};
    CHECK(next(of_this_queue) == 2);
    CHECK(next(of_this_queue) == 3);
}

TEST_CASE("pop_hold: ordered pops are found by their attempt") {
    pop_hold hold{10, 10};
    auto ordered = waiting(1, 100);
    ordered.pop.pop.ordered = true;
    ordered.pop.pop.attempt = "a";
    REQUIRE(hold.add(ordered));
    ordered.pop.ticket = 2;
    REQUIRE(hold.add(ordered));
    ordered.pop.pop.attempt = "b";
    REQUIRE(hold.add(ordered));
    REQUIRE(hold.of_attempt(place, "a").size() == 2);
    CHECK(hold.of_attempt({"t", "other"}, "a").empty());
    (void)hold.remove(hold.of_attempt(place, "a")[0]);
    REQUIRE(hold.of_attempt(place, "a").size() == 1);
    CHECK(hold.find(hold.of_attempt(place, "a")[0])->pop.ticket == 2);
    (void)hold.take_all();
    CHECK(hold.of_attempt(place, "a").empty());
}

TEST_CASE("pop_hold: as a list that is looked through from its oldest end") {
    struct listed {
        std::uint64_t number = 0;
        pop_hold::held pop;
    };
    std::mt19937_64 random{test_support::random_seed("pop_hold", 35)};
    const auto below = [&random](int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); };
    for (int round = 0; round < 50; ++round) {
        pop_hold hold{6, 25};
        std::vector<listed> model;
        std::uint64_t added = 0;
        const auto waits_for = [&model](const pop_place& at, int queue) {
            return std::count_if(model.begin(), model.end(),
                                 [&](const listed& one) { return place_of(one.pop.pop) == at && one.pop.pop.pop.queue.value() == queue; });
        };
        const auto forget = [&model](std::uint64_t number) {
            std::erase_if(model, [number](const listed& one) { return one.number == number; });
        };
        for (int now = 0; now < 200; ++now) {
            auto one = waiting(static_cast<std::uint64_t>(below(50)), now + 1 + below(30), below(2) == 0 ? "g" : "h", below(4) - 1);
            one.pop.pop.kind = below(5) == 0 ? pop_kind::notify : pop_kind::take;
            one.pop.pop.ordered = below(5) == 0;
            const auto at = place_of(one.pop);
            const auto queue = one.pop.pop.queue.value();
            const bool has_room = model.size() < 25 && waits_for(at, queue) < 6;
            CHECK(hold.has_room_for(one.pop) == has_room);
            CHECK(hold.add(one) == has_room);
            if (has_room)
                model.push_back({++added, one});

            // Some of them find something, and somebody does not.
            const std::set<queue_id> grown{queue_id{below(3)}, queue_id{below(3)}};
            const bool everybody = below(3) == 0;
            pop_turns turns = everybody ? pop_turns{hold, at} : pop_turns{hold, at, grown};
            std::set<pop_wish> nothing;
            for (const auto& each : std::vector<listed>{model}) {
                const auto wish = wish_of(each.pop.pop);
                const bool is_meant = everybody || wish.queue.value() < 0 || grown.contains(wish.queue);
                if (place_of(each.pop.pop) != at || !is_meant || nothing.contains(wish))
                    continue;
                CHECK(turns.next() == each.number);
                const auto outcome = below(4);
                if (outcome == 0) {
                    CHECK(hold.remove(each.number).pop.ticket == each.pop.pop.ticket);
                    forget(each.number);
                }
                if (outcome != 1)
                    continue;
                turns.nothing_left();
                nothing.insert(wish);
            }
            CHECK(turns.next() == std::nullopt);

            std::multiset<std::uint64_t> due;
            for (const auto& each : std::vector<listed>{model})
                if (each.pop.until <= ms(now)) {
                    due.insert(each.pop.pop.ticket);
                    forget(each.number);
                }
            const auto left = tickets(hold.take_due(ms(now)));
            CHECK(std::multiset<std::uint64_t>{left.begin(), left.end()} == due);
            const auto gone = static_cast<std::uint64_t>(below(50));
            CHECK(hold.abandon({}, {gone}) == std::erase_if(model, [gone](const listed& each) { return each.pop.pop.ticket == gone; }));

            CHECK(hold.size() == model.size());
            for (int queue_at = -1; queue_at < 3; ++queue_at)
                for (const auto* group : {"g", "h"}) {
                    const pop_place there{"t", group};
                    const auto count = waits_for(there, queue_at);
                    CHECK(hold.count(there, queue_id{queue_at}) == static_cast<std::size_t>(count));
                    if (queue_at >= 0)
                        CHECK(hold.groups_waiting({"t", queue_id{queue_at}}).contains(group) == (count + waits_for(there, -1) > 0));
                }
        }
    }
}

TEST_CASE("pop_hold: those who wait at a place come in their order, and leave when their time is over") {
    pop_hold hold{10, 100};
    REQUIRE(hold.add(waiting(1, 300)));
    REQUIRE(hold.add(waiting(2, 100)));
    REQUIRE(hold.add(waiting(3, 200, "other")));
    REQUIRE(hold.add(waiting(4, 200)));
    CHECK(hold.places() == std::vector<pop_place>{place, {"t", "other"}});
    CHECK(hold.groups_waiting({"t", queue_id{3}}) == groups{"g", "other"});
    CHECK(hold.groups_waiting({"u", queue_id{3}}).empty());
    const auto order = turns_of(hold, place);
    REQUIRE(order.size() == 3);
    CHECK(hold.find(order[0])->pop.ticket == 1);
    CHECK(hold.find(order[2])->pop.ticket == 4);
    CHECK(hold.next_due() == ms(100));
    CHECK(tickets(hold.take_due(ms(99))).empty());
    CHECK(tickets(hold.take_due(ms(200))) == numbers{2, 3, 4});
    CHECK(hold.remove(order[0]).pop.ticket == 1);
    CHECK(hold.find(order[0]) == nullptr);
    CHECK_FALSE(hold.has_waiting(place));
    CHECK(hold.next_due() == std::nullopt);
    CHECK(hold.size() == 0);
}

TEST_CASE("pop_hold: there is room for so many of a queue, and so many together") {
    pop_hold hold{2, 5};
    CHECK(hold.add(waiting(1, 9)));
    CHECK(hold.add(waiting(2, 9, "g", -7))); // any queue, too
    CHECK_FALSE(hold.add(waiting(3, 9)));
    CHECK(hold.count(place, queue_id{-1}) == 2);
    CHECK(hold.add(waiting(4, 9, "g", 0)));
    CHECK(hold.add(waiting(5, 9, "g", 0)));
    CHECK_FALSE(hold.add(waiting(6, 9, "g", 0)));
    CHECK(hold.add(waiting(7, 9, "other")));
    CHECK_FALSE(hold.add(waiting(8, 9, "third")));
    CHECK(hold.take_all().size() == 5);
    CHECK(hold.count(place, queue_id{0}) == 0);
    CHECK(hold.add(waiting(9, 9)));
}

TEST_CASE("pop_hold: an alarm is of a place at which somebody waits, and rings once") {
    pop_hold hold{10, 10};
    hold.set_alarm(place, ms(50));
    CHECK(hold.next_due() == std::nullopt); // nobody waits
    REQUIRE(hold.add(waiting(1, 500)));
    hold.set_alarm(place, ms(50));
    hold.set_alarm(place, ms(70));
    CHECK(hold.next_due() == ms(70));
    CHECK(hold.take_alarms(ms(69)).empty());
    CHECK(hold.take_alarms(ms(70)) == std::vector{place});
    CHECK(hold.take_alarms(ms(70)).empty());
    hold.set_alarm(place, ms(90));
    CHECK(hold.take_due(ms(500)).size() == 1);
    CHECK(hold.take_alarms(ms(1'000)).empty()); // whoever waited has left
}

TEST_CASE("pop_hold: an alarm is advanced, never put off") {
    pop_hold hold{10, 10};
    hold.advance_alarm(place, ms(5));
    CHECK(hold.next_due() == std::nullopt); // nobody waits
    REQUIRE(hold.add(waiting(1, 500)));
    hold.advance_alarm(place, std::nullopt);
    CHECK(hold.take_alarms(ms(100)).empty());
    hold.advance_alarm(place, ms(7));
    hold.advance_alarm(place, ms(9));
    hold.advance_alarm(place, std::nullopt);
    CHECK(hold.next_due() == ms(7));
    hold.advance_alarm(place, ms(6));
    CHECK(hold.take_alarms(ms(5)).empty());
    CHECK(hold.take_alarms(ms(6)) == std::vector{place});
}

TEST_CASE("pop_hold: what a holder waits for is forgotten by its tickets") {
    pop_hold hold{10, 10};
    for (std::uint64_t ticket = 1; ticket <= 4; ++ticket)
        REQUIRE(hold.add(waiting(ticket, 500)));
    CHECK(hold.abandon({}, {2, 4, 9}) == 2);
    CHECK(hold.take("g", "u").empty());
    CHECK(tickets(hold.take({}, "t")) == numbers{1, 3});
}

TEST_CASE("pop_hold: holders count their tickets each for itself") {
    test_support::virtual_system system;
    const auto other =
        system.system().spawn([](pop_holder_actor::pointer) -> pop_holder_actor::behavior_type { return {[](const pop_answered&) {}}; });
    pop_hold hold{10, 10};
    auto of_other = waiting(1, 500);
    of_other.pop.reply_to = other;
    REQUIRE(hold.add(waiting(1, 500)));
    REQUIRE(hold.add(of_other));
    CHECK(hold.abandon(other, {1}) == 1);
    CHECK(hold.abandon(other, {1}) == 0);
    CHECK(hold.size() == 1);
    CHECK(hold.abandon({}, {1}) == 1);
    CHECK(hold.size() == 0);
}
