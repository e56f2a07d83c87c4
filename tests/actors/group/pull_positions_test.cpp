#include "actors/group/pull_positions.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>

using namespace troupe;
using namespace troupe::actors;

TEST_CASE("pull positions: the latest of each group and queue is kept, until topic or group go") {
    pull_positions positions;
    CHECK_FALSE(positions.find("g", "t", queue_id{0}));
    positions.note("g", "t", queue_id{0}, queue_offset{5});
    positions.note("g", "t", queue_id{0}, queue_offset{3});
    positions.note("g", "u", queue_id{0}, queue_offset{7});
    positions.note("h", "t", queue_id{1}, queue_offset{9});
    CHECK(positions.find("g", "t", queue_id{0}) == queue_offset{3});
    CHECK(positions.find("h", "t", queue_id{1}) == queue_offset{9});
    CHECK_FALSE(positions.find("h", "t", queue_id{0}));
    positions.forget_topic("t");
    CHECK(positions.size() == 1);
    positions.forget_group("g");
    CHECK(positions.size() == 0);
}

TEST_CASE("pull positions: the groups that pulled since they were last taken, each once") {
    using groups = std::set<std::string, std::less<>>;
    pull_positions positions;
    CHECK(positions.take_pulled().empty());
    positions.note("g", "t", queue_id{0}, queue_offset{5});
    positions.note("g", "t", queue_id{0}, queue_offset{5});
    positions.note("g", "t", queue_id{1}, queue_offset{5});
    positions.note("h", "t", queue_id{0}, queue_offset{5});
    CHECK(positions.take_pulled() == groups{"g", "h"});
    CHECK(positions.take_pulled().empty());
    positions.note("g", "t", queue_id{0}, queue_offset{5}); // where it was: nothing new came
    CHECK(positions.take_pulled() == groups{"g"});
    positions.note("g", "t", queue_id{0}, queue_offset{6});
    positions.note("h", "t", queue_id{0}, queue_offset{5});
    positions.forget_group("h");
    positions.forget_topic("t"); // it was there all the same
    CHECK(positions.take_pulled() == groups{"g"});
    positions.note("g", "t", queue_id{0}, queue_offset{6});
    CHECK(positions.take_pulled() == groups{"g"});
}

TEST_CASE("pull positions: beyond the bound all are forgotten") {
    pull_positions positions;
    for (std::size_t i = 0; i < pull_positions::keys_max; ++i)
        positions.note("g", std::to_string(i), queue_id{0}, queue_offset{1});
    CHECK(positions.size() == pull_positions::keys_max);
    positions.note("g", "one more", queue_id{0}, queue_offset{1});
    CHECK(positions.size() == 1);
    positions.note("another", "t", queue_id{0}, queue_offset{1});
    CHECK(positions.take_pulled().size() == 2); // groups stay
}
