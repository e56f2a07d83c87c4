#include "actors/broker/name_round.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr clock_time start{};

struct world {
    name_round round;
    std::map<std::string, int> names{{"a", 1}, {"b", 2}, {"c", 3}};

    /// The names of one tick, at most `count` of them.
    std::vector<std::string> tick(clock_time now, std::size_t count) {
        std::vector<std::string> seen;
        if (!round.begin(now, 10s))
            return seen;
        for (auto name = round.next(names); name != names.end(); name = round.next(names)) {
            if (seen.size() == count) {
                round.pause();
                break;
            }
            round.enter(name->first);
            seen.push_back(name->first);
        }
        return seen;
    }
};
using list = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(world, "name_round: all names have their turn, some at each tick, and again after the interval") {
    CHECK(tick(start, 2) == list{"a", "b"});
    CHECK(tick(start + 1s, 2) == list{"c"});
    CHECK(tick(start + 2s, 2).empty());
    CHECK(tick(start + 10s - 1ns, 2).empty());
    CHECK(tick(start + 10s, 2) == list{"a", "b"});
}

TEST_CASE_FIXTURE(world, "name_round: a round that took longer than the interval is followed by the next at once") {
    CHECK(tick(start, 2) == list{"a", "b"});
    CHECK(tick(start + 20s, 2) == list{"c"});
    CHECK(tick(start + 20s, 2) == list{"a", "b"});
}

TEST_CASE_FIXTURE(world, "name_round: names that come and go meanwhile neither repeat nor stop it") {
    CHECK(tick(start, 2) == list{"a", "b"});
    names.erase("b");
    names["aa"] = 4;
    names["d"] = 5;
    CHECK(tick(start + 1s, 9) == list{"c", "d"});
    CHECK(tick(start + 10s, 9) == list{"a", "aa", "c", "d"});
}

TEST_CASE_FIXTURE(world, "name_round: while a look goes on no other begins, and when it fails the next tick goes on behind it") {
    REQUIRE(round.begin(start, 10s));
    round.enter(round.next(names)->first);
    CHECK_FALSE(round.begin(start + 1s, 10s));
    CHECK_FALSE(round.begin(start + 20s, 10s));
    round.pause();
    CHECK(tick(start + 21s, 9) == list{"b", "c"});
}

TEST_CASE_FIXTURE(world, "name_round: without names a round is over at once, and one that is hastened need not wait for the interval") {
    names.clear();
    CHECK(tick(start, 9).empty());
    names["a"] = 1;
    CHECK(tick(start + 1s, 9).empty());
    round.hasten(start + 2s);
    CHECK(tick(start + 2s - 1ns, 9).empty());
    CHECK(tick(start + 2s, 9) == list{"a"});
    CHECK(tick(start + 3s, 9).empty());
}
