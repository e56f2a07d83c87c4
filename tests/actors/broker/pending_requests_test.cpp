#include "actors/broker/pending_requests.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr clock_time start{};

using outcomes = std::vector<std::pair<std::uint64_t, errc>>;

/// Requests, and what those who wait for them have heard, by ticket.
struct desk {
    pending_requests pending;
    outcomes told;

    std::uint64_t append(clock_time deadline) {
        const auto ticket = pending.next_ticket();
        pending.await_append(
            ticket, [this](const append_outcome& outcome) { told.emplace_back(outcome.ticket, outcome.failure.code); }, deadline);
        return ticket;
    }
    std::uint64_t pull(clock_time deadline) {
        const auto ticket = pending.next_ticket();
        pending.await_pull(
            ticket, [this](const pull_answered& answer) { told.emplace_back(answer.ticket, answer.failure.code); }, deadline);
        return ticket;
    }
};

} // namespace

TEST_CASE("pending_requests: whoever waits for a ticket hears what became of it, once") {
    desk at;
    CHECK(at.pending.is_empty());
    const auto append = at.append(start + 5s);
    const auto pull = at.pull(start + 5s);
    CHECK(append != pull);
    at.pending.end(append_outcome{append, {errc::disk_full, {}}, {}});
    at.pending.end(append_outcome{append, {}, {}});
    CHECK(at.told == outcomes{{append, errc::disk_full}});
    CHECK_FALSE(at.pending.is_empty());
    at.pending.end(append_outcome{pull, {}, {}}); // a pull is no append
    at.pending.end(pull_answered{pull, {}, {}});
    CHECK(at.told == outcomes{{append, errc::disk_full}, {pull, errc::none}});
    CHECK(at.pending.is_empty());
}

TEST_CASE("pending_requests: what is late is told at its deadline, and not when it comes after all") {
    desk at;
    const auto slow = at.append(start + 5s);
    const auto held = at.pull(start + 35s);
    at.pending.fail_overdue(start + 5s - 1ns);
    CHECK(at.told.empty());
    at.pending.fail_overdue(start + 5s);
    CHECK(at.told == outcomes{{slow, errc::timed_out}});
    at.pending.end(append_outcome{slow, {}, {}});
    at.pending.fail_overdue(start + 35s);
    at.pending.fail_overdue(start + 99s);
    CHECK(at.told == outcomes{{slow, errc::timed_out}, {held, errc::timed_out}});
    CHECK(at.pending.is_empty());
}

TEST_CASE("pending_requests: an owner that ends fails all, once") {
    desk at;
    const auto pull = at.pull(start + 5s);
    const auto append = at.append(start + 5s);
    at.pending.fail_all({errc::shutting_down, {}});
    CHECK(at.told == outcomes{{append, errc::shutting_down}, {pull, errc::shutting_down}});
    CHECK(at.pending.is_empty());
    at.pending.fail_all({errc::shutting_down, {}});
    CHECK(at.told.size() == 2);
}

// Goal: whoever is told may begin the next thing at once: a page of dead letters is followed by another.
TEST_CASE("pending_requests: what begins because something else has ended waits for its own outcome") {
    desk at;
    const auto first = at.pending.next_ticket();
    std::uint64_t second = 0;
    at.pending.await_append(
        first, [&at, &second](const append_outcome&) { second = at.append(start + 9s); }, start + 5s);
    at.pending.fail_overdue(start + 9s);
    CHECK(second != 0);
    CHECK(at.told.empty());
    at.pending.end(append_outcome{second, {}, {}});
    CHECK(at.told == outcomes{{second, errc::none}});
}
