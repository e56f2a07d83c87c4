#include "actors/broker/running_changes.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using place = running_changes::place;
constexpr clock_time start{};
constexpr clock_time late = start + 5s;

/// Who is told, and what.
struct listeners {
    std::vector<std::pair<int, errc>> told;
    running_changes::continuation listener(int number) {
        return [this, number](const error& failure) { told.emplace_back(number, failure.code); };
    }
    static void tell(const std::vector<running_changes::continuation>& all, errc code) {
        for (const auto& done : all)
            done({code, {}});
    }
};
using outcomes = std::vector<std::pair<int, errc>>;

} // namespace

TEST_CASE("running_changes: the first caller works, and those behind hear the same, in their order") {
    running_changes changes{10};
    listeners all;
    CHECK(changes.is_empty());
    CHECK(changes.begin("topic a", false, all.listener(1), late).value() == place::first);
    CHECK(changes.begin("topic a", false, all.listener(2), late).value() == place::behind);
    CHECK(changes.begin("topic b", false, all.listener(3), late).value() == place::first);
    CHECK(all.told.empty());
    listeners::tell(changes.end("topic a").value(), errc::io);
    CHECK(all.told == outcomes{{1, errc::io}, {2, errc::io}});
    CHECK_FALSE(changes.contains("topic a"));
    CHECK(changes.contains("topic b"));
    CHECK_FALSE(changes.end("topic a"));
    CHECK(changes.begin("topic a", true, all.listener(4), late).value() == place::first);
}

TEST_CASE("running_changes: while something is stored it cannot be deleted, nor the other way round") {
    running_changes changes{10};
    listeners all;
    CHECK(changes.begin("topic a", false, all.listener(1), late).ok());
    CHECK(changes.begin("topic a", true, all.listener(2), late).code() == errc::busy);
    CHECK_FALSE(changes.is_removed("topic a"));
    CHECK(changes.begin("topic b", true, all.listener(3), late).ok());
    CHECK(changes.begin("topic b", false, all.listener(4), late).code() == errc::busy);
    CHECK(changes.is_removed("topic b"));
    CHECK_FALSE(changes.is_removed("topic c"));
    listeners::tell(changes.end("topic a").value(), errc::none);
    CHECK(all.told == outcomes{{1, errc::none}}); // whoever was refused is not told again
}

TEST_CASE("running_changes: whoever is over its deadline goes, and the change stays until the disk has answered") {
    running_changes changes{2};
    listeners all;
    CHECK(changes.begin("topic a", true, all.listener(1), start + 1s).ok());
    CHECK(changes.begin("topic a", true, all.listener(2), start + 2s).ok());
    CHECK(changes.take_overdue(start + 1s - 1ns).empty());
    listeners::tell(changes.take_overdue(start + 1s), errc::timed_out);
    CHECK(all.told == outcomes{{1, errc::timed_out}});
    listeners::tell(changes.take_overdue(start + 2s), errc::timed_out);
    CHECK(all.told == outcomes{{1, errc::timed_out}, {2, errc::timed_out}});
    CHECK(changes.is_removed("topic a"));
    CHECK(changes.begin("topic a", true, all.listener(3), late).value() == place::behind); // and there is room again
    listeners::tell(changes.end("topic a").value(), errc::none);
    CHECK(all.told.back() == std::pair{3, errc::none});
    CHECK(changes.is_empty());
}

TEST_CASE("running_changes: a change that nobody waits for any more ends all the same") {
    running_changes changes{1};
    listeners all;
    CHECK(changes.begin("topic a", false, all.listener(1), start).ok());
    listeners::tell(changes.take_overdue(start), errc::timed_out);
    const auto ended = changes.end("topic a");
    REQUIRE(ended);
    CHECK(ended->empty());
}

TEST_CASE("running_changes: so many may wait, whatever for, and no more") {
    running_changes changes{2};
    listeners all;
    CHECK(changes.begin("topic a", false, all.listener(1), late).ok());
    CHECK(changes.begin("topic a", false, all.listener(2), late).ok());
    CHECK(changes.begin("topic a", false, all.listener(3), late).code() == errc::busy);
    CHECK(changes.begin("topic b", false, all.listener(4), late).code() == errc::busy);
    CHECK_FALSE(changes.contains("topic b"));
    static_cast<void>(changes.end("topic a"));
    CHECK(changes.begin("topic b", false, all.listener(5), late).ok());
}

TEST_CASE("running_changes: an owner that ends takes all, and a late answer finds nothing") {
    running_changes changes{3};
    listeners all;
    CHECK(changes.begin("topic b", false, all.listener(1), late).ok());
    CHECK(changes.begin("topic a", false, all.listener(2), late).ok());
    CHECK(changes.begin("topic b", false, all.listener(3), late).ok());
    listeners::tell(changes.take_all(), errc::shutting_down);
    CHECK(all.told == outcomes{{2, errc::shutting_down}, {1, errc::shutting_down}, {3, errc::shutting_down}});
    CHECK(changes.is_empty());
    CHECK_FALSE(changes.end("topic b"));
    for (int number = 4; number < 7; ++number)
        CHECK(changes.begin("topic b", false, all.listener(number), late).ok());
}

TEST_CASE("running_changes: those of one kind can be counted, as they have no place in any list yet") {
    running_changes changes{10};
    listeners all;
    for (const auto& what : {change_of_topic("group"), change_of_topic("t"), change_of_group("g"), change_of_mode("t", "g")})
        CHECK(changes.begin(what, false, all.listener(1), late).ok());
    CHECK(changes.count(change_of_topic("")) == 2);
    CHECK(changes.count(change_of_group("")) == 1);
}
