#include "actors/group/pending_resets.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

progress_key key(const std::string& group, const std::string& topic = "orders", std::int32_t queue = 0) {
    return {group, {topic, queue_id{queue}}};
}

} // namespace

TEST_CASE("pending_resets: the next pull is told, once") {
    pending_resets resets{10};
    CHECK_FALSE(resets.take(key("g"), queue_offset{5}));
    resets.add(key("g"), queue_offset{2});
    CHECK(resets.contains(key("g")));
    CHECK_FALSE(resets.take(key("h"), queue_offset{5}));
    CHECK_FALSE(resets.take(key("g", "orders", 1), queue_offset{5}));
    CHECK(resets.take(key("g"), queue_offset{5}) == queue_offset{2});
    CHECK_FALSE(resets.take(key("g"), queue_offset{5}));
    CHECK_FALSE(resets.contains(key("g")));
}

TEST_CASE("pending_resets: a pull from the very offset needs to be told nothing") {
    pending_resets resets{10};
    resets.add(key("g"), queue_offset{2});
    CHECK_FALSE(resets.take(key("g"), queue_offset{2}));
    CHECK(resets.size() == 0);
}

TEST_CASE("pending_resets: the last reset counts, and only that one can be taken back") {
    pending_resets resets{10};
    resets.add(key("g"), queue_offset{2});
    resets.add(key("g"), queue_offset{3});
    resets.cancel(key("g"), queue_offset{2});
    CHECK(resets.contains(key("g")));
    resets.cancel(key("g"), queue_offset{3});
    CHECK_FALSE(resets.contains(key("g")));
    resets.cancel(key("g"), queue_offset{3});
}

TEST_CASE("pending_resets: what is deleted is forgotten, and there is a bound") {
    pending_resets resets{3};
    resets.add(key("g", "t"), queue_offset{1});
    resets.add(key("g", "u"), queue_offset{1});
    CHECK(resets.has_room(1));
    CHECK_FALSE(resets.has_room(2));
    resets.add(key("h", "u"), queue_offset{1});
    CHECK_FALSE(resets.has_room(1));
    resets.forget_topic("u");
    CHECK(resets.contains(key("g", "t")));
    CHECK(resets.size() == 1);
    resets.forget_group("h");
    CHECK(resets.size() == 1);
    resets.forget_group("g");
    CHECK(resets.size() == 0);
}

TEST_CASE("pending_resets: what a group pops is no longer pending") {
    pending_resets resets{10};
    const auto of = [](const std::string& topic, std::int32_t queue) { return progress_key{"g", {topic, queue_id{queue}}}; };
    for (const auto* topic : {"s", "t", "u"})
        for (std::int32_t queue = 0; queue < 3; ++queue)
            resets.add(of(topic, queue), queue_offset{1});
    resets.forget_queues("g", "t", queue_id{1});
    CHECK(resets.contains(of("t", 0)));
    CHECK_FALSE(resets.contains(of("t", 1)));
    CHECK(resets.contains(of("t", 2)));
    resets.forget_queues("g", "t", queue_id{-1});
    CHECK(resets.size() == 6);
    CHECK_FALSE(resets.contains(of("t", 0)));
    resets.forget_queues("f", "s", queue_id{-1});
    CHECK(resets.size() == 6);
}
