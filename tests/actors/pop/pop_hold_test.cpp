#include "actors/pop/pop_hold.hpp"

#include "tests/actors/virtual_system.hpp"

#include <caf/actor_addr.hpp>

#include <doctest/doctest.h>

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

} // namespace

TEST_CASE("pop_hold: those who wait at a place come in their order, and leave when their time is over") {
    pop_hold hold{10, 100};
    REQUIRE(hold.add(waiting(1, 300)));
    REQUIRE(hold.add(waiting(2, 100)));
    REQUIRE(hold.add(waiting(3, 200, "other")));
    REQUIRE(hold.add(waiting(4, 200)));
    CHECK(hold.places_of("t") == std::vector<pop_place>{place, {"t", "other"}});
    CHECK(hold.places_of("u").empty());
    const auto order = hold.waiting(place);
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
