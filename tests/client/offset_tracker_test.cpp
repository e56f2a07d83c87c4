#include "client/internal/offset_tracker.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

using namespace troupe;
using namespace troupe::client;

TEST_CASE("offset_tracker: with nothing outstanding the position is where reading goes on") {
    offset_tracker tracker;
    tracker.reset(queue_offset{7});
    CHECK(tracker.position() == queue_offset{7});
    tracker.advance(queue_offset{12}); // the filter left out five messages
    CHECK(tracker.position() == queue_offset{12});
    tracker.advance(queue_offset{3});
    CHECK(tracker.position() == queue_offset{12});
}

TEST_CASE("offset_tracker: a message in the middle holds back the position") {
    offset_tracker tracker;
    tracker.reset(queue_offset{10});
    for (int i = 10; i < 13; ++i)
        CHECK(tracker.add(queue_offset{i}));
    CHECK(tracker.done(queue_offset{10}));
    CHECK(tracker.done(queue_offset{12}));
    CHECK(tracker.position() == queue_offset{11});
    CHECK(tracker.outstanding() == 1);
    CHECK(tracker.span() == 2);
    CHECK(tracker.done(queue_offset{11}));
    CHECK(tracker.span() == 0);
    CHECK(tracker.position() == queue_offset{13});
}

TEST_CASE("offset_tracker: the twice, the unknown and the old are refused") {
    offset_tracker tracker;
    tracker.reset(queue_offset{5});
    CHECK_FALSE(tracker.add(queue_offset{4}));
    CHECK(tracker.add(queue_offset{5}));
    CHECK_FALSE(tracker.add(queue_offset{5}));
    CHECK(tracker.add(queue_offset{8}));
    CHECK_FALSE(tracker.done(queue_offset{6}));
    CHECK(tracker.done(queue_offset{8}));
    CHECK_FALSE(tracker.done(queue_offset{8}));
    CHECK(tracker.position() == queue_offset{5});
    tracker.reset(queue_offset{2});
    CHECK_FALSE(tracker.done(queue_offset{5}));
    CHECK(tracker.position() == queue_offset{2});
}

// Goal: the position is never above a message that is not done, whatever the order of completion.
// How:  random gaps, random completions, compared with a plain set.
TEST_CASE("offset_tracker: agrees with a model for random orders") {
    const char* given = std::getenv("TROUPE_SEED");
    const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    for (int round = 0; round < 200; ++round) {
        offset_tracker tracker;
        tracker.reset(queue_offset{0});
        std::set<std::int64_t> open;
        std::int64_t next = 0;
        for (int step = 0; step < 200; ++step) {
            if (random() % 2 == 0) {
                next += static_cast<std::int64_t>(random() % 3);
                REQUIRE(tracker.add(queue_offset{next}));
                open.insert(next++);
            } else if (!open.empty()) {
                auto at = open.begin();
                std::advance(at, static_cast<std::ptrdiff_t>(random() % open.size()));
                REQUIRE(tracker.done(queue_offset{*at}));
                open.erase(at);
            }
            REQUIRE(tracker.position().value() == (open.empty() ? next : *open.begin()));
            REQUIRE(tracker.outstanding() == open.size());
        }
    }
}
