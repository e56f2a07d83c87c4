#include "actors/broker/request_modes.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

TEST_CASE("request_modes: a group pulls a topic until somebody says that it pops, and the last word counts") {
    request_modes modes{10};
    CHECK(modes.find("t", "g") == request_mode{"t", "g", false, 0});
    CHECK(modes.list().empty());
    modes.set({"t", "g", true, 3});
    CHECK(modes.find("t", "g") == request_mode{"t", "g", true, 3});
    CHECK(modes.find("g", "t") == request_mode{"g", "t"});
    CHECK_FALSE(modes.find("t", "h").is_pop);
    modes.set({"t", "g", false, 0});
    CHECK(modes.find("t", "g") == request_mode{"t", "g"});
    CHECK(modes.list() == std::vector<request_mode>{{"t", "g"}});
}

TEST_CASE("request_modes: they are listed by topic and group") {
    request_modes modes{10};
    modes.set({"u", "a"});
    modes.set({"t", "b"});
    modes.set({"t", "a"});
    CHECK(modes.list() == std::vector<request_mode>{{"t", "a"}, {"t", "b"}, {"u", "a"}});
}

TEST_CASE("request_modes: with a topic or a group go the modes of it, and no other") {
    request_modes modes{10};
    for (const auto* topic : {"t", "u"})
        for (const auto* group : {"g", "h"})
            modes.set({topic, group, true, 0});
    modes.forget("t", {});
    CHECK(modes.list() == std::vector<request_mode>{{"u", "g", true, 0}, {"u", "h", true, 0}});
    modes.forget({}, "g");
    CHECK(modes.list() == std::vector<request_mode>{{"u", "h", true, 0}});
    modes.forget({}, {});
    CHECK(modes.list().size() == 1);
}

TEST_CASE("request_modes: when there are as many as may be, those that are there can still be changed") {
    request_modes modes{2};
    modes.set({"t", "g"});
    CHECK(modes.check_room("t", "h").ok());
    modes.set({"t", "h"});
    CHECK(modes.check_room("t", "i").code() == errc::busy);
    CHECK(modes.check_room("t", "g").ok());
    modes.forget({}, "g");
    CHECK(modes.check_room("t", "i").ok());
}
