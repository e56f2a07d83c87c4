#include "actors/group/producer_groups.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using names = std::vector<std::string>;

names ids(const producer_groups& groups, std::string_view group) {
    names all;
    for (const auto& one : groups.clients(group))
        all.push_back(one.client_id);
    return all;
}

} // namespace

TEST_CASE("producer_groups: clients are known by group and by id, with their session and last heartbeat") {
    producer_groups groups{120s, 10};
    CHECK(groups.heartbeat("b", {"g", "h"}, 2, clock_time{1s}));
    CHECK(groups.heartbeat("a", {"g"}, 1, clock_time{2s}));
    CHECK(groups.groups() == names{"g", "h"});
    CHECK(ids(groups, "g") == names{"a", "b"});
    CHECK(ids(groups, "nobody's").empty());
    CHECK(groups.clients("h").at(0).session == 2);
    CHECK(groups.clients("h").at(0).last_heartbeat == clock_time{1s});
    CHECK(groups.session_of("a") == 1);
    CHECK_FALSE(groups.session_of("c"));
    CHECK(groups.membership_count() == 3);
}

TEST_CASE("producer_groups: a client is reached by the session of its last heartbeat, and survives the end of an earlier one") {
    producer_groups groups{120s, 10};
    CHECK(groups.heartbeat("a", {"g"}, 1, clock_time{0s}));
    CHECK(groups.heartbeat("a", {"g"}, 2, clock_time{1s}));
    CHECK(groups.session_of("a") == 2);
    groups.session_lost(1);
    CHECK(ids(groups, "g") == names{"a"});
    groups.session_lost(2);
    CHECK(groups.groups().empty());
    CHECK(groups.membership_count() == 0);
}

TEST_CASE("producer_groups: clients leave by unregister, lost session and silence, group by group") {
    producer_groups groups{120s, 10};
    CHECK(groups.heartbeat("a", {"g", "h"}, 1, clock_time{0s}));
    CHECK(groups.heartbeat("b", {"g"}, 1, clock_time{0s}));
    CHECK(groups.heartbeat("c", {"g"}, 3, clock_time{0s}));
    groups.unregister("a", "g");
    groups.unregister("a", "g");
    groups.unregister("nobody", "g");
    CHECK(ids(groups, "g") == names{"b", "c"});
    CHECK(groups.session_of("a") == 1);
    groups.session_lost(1);
    CHECK(groups.groups() == names{"g"});
    CHECK_FALSE(groups.session_of("a"));
    CHECK_FALSE(groups.session_of("b"));

    CHECK(groups.heartbeat("c", {"h"}, 3, clock_time{60s})); // says nothing of "g"
    groups.expire(clock_time{119s});
    CHECK(groups.membership_count() == 2);
    groups.expire(clock_time{120s});
    CHECK(groups.groups() == names{"h"});
    groups.expire(clock_time{180s});
    CHECK(groups.membership_count() == 0);
    CHECK_FALSE(groups.session_of("c"));
}

TEST_CASE("producer_groups: beyond the bound a heartbeat changes nothing, and who is there already may stay") {
    producer_groups groups{120s, 2};
    CHECK(groups.heartbeat("a", {"g", "g"}, 1, clock_time{0s}));
    CHECK(groups.heartbeat("b", {}, 2, clock_time{0s}));
    CHECK_FALSE(groups.heartbeat("b", {"g", "h"}, 2, clock_time{0s}));
    CHECK_FALSE(groups.session_of("b"));
    CHECK(groups.heartbeat("b", {"g"}, 2, clock_time{0s}));
    CHECK(groups.heartbeat("a", {"g"}, 1, clock_time{5s}));
    CHECK_FALSE(groups.heartbeat("a", {"g", "h"}, 1, clock_time{6s}));
    CHECK(groups.clients("g").at(0).last_heartbeat == clock_time{5s});
    groups.unregister("b", "g");
    CHECK(groups.heartbeat("a", {"g", "h"}, 1, clock_time{6s}));
}
