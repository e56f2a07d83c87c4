#include "actors/log/read_turns.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

held_pull wish(std::uint64_t connection, std::uint64_t ticket, std::int64_t from) {
    held_pull one;
    one.pull.connection = connection;
    one.pull.ticket = ticket;
    one.pull.from = queue_offset{from};
    return one;
}

std::vector<std::uint64_t> tickets(const std::vector<held_pull>& pulls) {
    std::vector<std::uint64_t> all;
    for (const auto& one : pulls)
        all.push_back(one.pull.ticket);
    return all;
}

using numbers = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("read_turns: nobody waits at first") {
    read_turns turns;
    CHECK(turns.empty());
    CHECK(turns.take_next().pulls.empty());
    CHECK(turns.take_due(clock_time{1h}).empty());
    CHECK_FALSE(turns.next_due());
}

TEST_CASE("read_turns: connections take turns, each in its own order") {
    read_turns turns;
    for (std::uint64_t ticket = 1; ticket <= 3; ++ticket)
        turns.add(wish(7, ticket, static_cast<std::int64_t>(ticket)), false, clock_time{1s});
    turns.add(wish(5, 4, 40), false, clock_time{2s});
    turns.add(wish(9, 5, 50), false, clock_time{3s});
    numbers order;
    while (!turns.empty())
        order.push_back(turns.take_next().pulls.at(0).pull.ticket);
    CHECK(order == numbers{4, 1, 5, 2, 3});
}

TEST_CASE("read_turns: what one read serves leaves together, but not with pulls that had been held") {
    read_turns turns;
    turns.add(wish(1, 1, 10), false, clock_time{1s});
    turns.add(wish(2, 2, 10), false, clock_time{1s});
    turns.add(wish(2, 3, 11), false, clock_time{1s});
    turns.add(wish(3, 4, 10), true, clock_time{1s});
    auto turn = turns.take_next();
    CHECK(tickets(turn.pulls) == numbers{1, 2});
    CHECK_FALSE(turn.woken);
    CHECK(tickets(turns.take_next().pulls) == numbers{3});
    turn = turns.take_next();
    CHECK(tickets(turn.pulls) == numbers{4});
    CHECK(turn.woken);
    CHECK(turns.empty());
}

TEST_CASE("read_turns: the earliest deadline is due first, and an abandoned pull is not due at all") {
    read_turns turns;
    turns.add(wish(2, 1, 1), false, clock_time{1s});
    turns.add(wish(1, 2, 2), false, clock_time{2s});
    turns.add(wish(2, 3, 3), false, clock_time{3s});
    CHECK(turns.next_due() == clock_time{1s});
    CHECK(tickets(turns.take(ticket_holder_actor{}, {1, 7})) == numbers{1});
    CHECK(turns.next_due() == clock_time{2s});
    CHECK(turns.take_due(clock_time{1999ms}).empty());
    CHECK(tickets(turns.take_due(clock_time{2s})) == numbers{2});
    CHECK(tickets(turns.take_all()) == numbers{3});
    CHECK(turns.empty());
}
