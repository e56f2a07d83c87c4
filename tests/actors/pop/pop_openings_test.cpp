#include "actors/group/offset_notes.hpp"
#include "actors/pop/pop_openings.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

progress_key of(const std::string& group, const std::string& topic, std::int32_t queue) {
    return {group, {topic, queue_id{queue}}};
}

} // namespace

TEST_CASE("pop_openings: a queue is asked for once, and the first who takes says where the group begins") {
    pop_openings openings;
    CHECK(openings.want(of("g", "t", 0), {false, true})); // looks
    CHECK_FALSE(openings.want(of("g", "t", 0), {true, false}));
    CHECK_FALSE(openings.want(of("g", "t", 0), {true, true}));
    CHECK(openings.want(of("g", "t", 1), {false, true}));
    CHECK(openings.is_under_way("g", "t"));
    const auto taken = openings.end(of("g", "t", 0));
    REQUIRE(taken.has_value());
    CHECK(taken->is_taken);
    CHECK_FALSE(taken->from_end);
    CHECK(openings.is_under_way("g", "t"));
    const auto looked = openings.end(of("g", "t", 1));
    REQUIRE(looked.has_value());
    CHECK_FALSE(looked->is_taken);
    CHECK_FALSE(looked->from_end); // who looks has no say
    CHECK_FALSE(openings.is_under_way("g", "t"));
    CHECK(openings.want(of("g", "t", 0), {}));
}

TEST_CASE("pop_openings: what is forgotten is not opened by an answer that comes late") {
    for (const bool by_group : {true, false}) {
        CAPTURE(by_group);
        pop_openings openings;
        REQUIRE(openings.want(of("g", "t", 0), {true, false}));
        REQUIRE(openings.want(of("g", "u", 0), {true, false}));
        REQUIRE(openings.want(of("h", "t", 0), {true, false}));
        openings.forget(by_group ? "g" : "", by_group ? "" : "t");
        CHECK_FALSE(openings.end(of("g", "t", 0)).has_value());
        CHECK(openings.end(of("g", "u", 0)).has_value() != by_group);
        CHECK(openings.end(of("h", "t", 0)).has_value() == by_group);
    }
}

TEST_CASE("offset_notes: one message at a time has the last offset of each queue") {
    offset_notes notes;
    notes.add(of("g", "t", 0), queue_offset{1});
    CHECK(notes.is_idle());
    CHECK(notes.take().size() == 1);
    notes.sent();
    CHECK_FALSE(notes.is_idle());
    notes.add(of("g", "t", 0), queue_offset{2});
    notes.add(of("g", "t", 1), queue_offset{5});
    notes.add(of("g", "t", 0), queue_offset{3});
    notes.erase(of("g", "t", 1));
    notes.answered();
    CHECK(notes.is_idle());
    const auto taken = notes.take();
    REQUIRE(taken.size() == 1);
    CHECK(taken[0].second == queue_offset{3});
    CHECK(notes.take().empty());
}
