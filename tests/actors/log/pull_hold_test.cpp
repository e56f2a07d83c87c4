#include "actors/log/pull_hold.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

held_pull held(std::uint64_t ticket, std::int64_t from, std::chrono::milliseconds deadline) {
    held_pull one;
    one.pull.ticket = ticket;
    one.pull.from = queue_offset{from};
    one.deadline = clock_time{deadline};
    return one;
}

std::vector<std::uint64_t> tickets(const std::vector<held_pull>& pulls) {
    std::vector<std::uint64_t> all;
    for (const auto& one : pulls)
        all.push_back(one.pull.ticket);
    return all;
}

} // namespace

TEST_CASE("pull_hold: an empty hold has nothing due") {
    pull_hold hold;
    CHECK(hold.empty());
    CHECK_FALSE(hold.next_due());
    CHECK(hold.take_due(clock_time{1h}).empty());
    CHECK(hold.take_below(queue_offset{100}).empty());
}

TEST_CASE("pull_hold: a pull is due after its deadline, within one slot") {
    pull_hold hold{10ms};
    hold.add(held(1, 0, 1000ms));
    REQUIRE(hold.next_due());
    CHECK(*hold.next_due() >= clock_time{1000ms});
    CHECK(*hold.next_due() <= clock_time{1010ms});
    CHECK(hold.take_due(clock_time{999ms}).empty());
    CHECK(tickets(hold.take_due(*hold.next_due())) == std::vector<std::uint64_t>{1});
    CHECK(hold.empty());
}

TEST_CASE("pull_hold: pulls leave in order of their deadlines, whatever the order they came in") {
    pull_hold hold{10ms};
    hold.add(held(3, 0, 300ms));
    hold.add(held(1, 0, 100ms));
    hold.add(held(2, 0, 200ms));
    CHECK(tickets(hold.take_due(clock_time{250ms})) == std::vector<std::uint64_t>{1, 2});
    CHECK(hold.size() == 1);
    CHECK(tickets(hold.take_due(clock_time{1s})) == std::vector<std::uint64_t>{3});
}

TEST_CASE("pull_hold: only pulls below the new end are woken") {
    pull_hold hold;
    hold.add(held(1, 5, 1s));
    hold.add(held(2, 6, 2s));
    hold.add(held(3, 7, 1s));
    CHECK(tickets(hold.take_below(queue_offset{5})).empty());
    CHECK(tickets(hold.take_below(queue_offset{7})) == std::vector<std::uint64_t>{1, 2});
    CHECK(hold.size() == 1);
}

TEST_CASE("pull_hold: abandoned tickets go, those of nobody stay") {
    pull_hold hold;
    for (std::uint64_t ticket = 1; ticket <= 4; ++ticket)
        hold.add(held(ticket, 0, 1s));
    CHECK(tickets(hold.take({}, {2, 4, 9})) == std::vector<std::uint64_t>{2, 4});
    CHECK(tickets(hold.take_all()) == std::vector<std::uint64_t>{1, 3});
    CHECK(hold.empty());
}
