#include "actors/broker/live_queues.hpp"

#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

topic_queue queue_of(std::string topic, std::int32_t number = 0) {
    return {std::move(topic), queue_id{number}};
}

/// The book, over actors that do nothing.
struct queue_world {
    test_support::virtual_system world;
    std::vector<std::uint64_t> instances;
    live_queues queues{[this](const topic_queue&, std::uint64_t instance) -> queue_actor {
        instances.push_back(instance);
        return world.system().spawn([](queue_actor::pointer) -> queue_actor::behavior_type {
            return {[](const pull_from_queue&) {},
                    [](const pull_abandoned&) {},
                    [](const records_arrived&) {},
                    [](const records_read&) {},
                    [](hold_tick) {},
                    [](const finish&) {}};
        });
    }};
};

} // namespace

TEST_CASE_FIXTURE(queue_world, "live_queues: a queue has one actor, however often it is asked for") {
    CHECK(queues.is_empty());
    const auto first = queues.enter(queue_of("t"));
    CHECK(first.is_new);
    const auto again = queues.enter(queue_of("t"));
    CHECK_FALSE(again.is_new);
    CHECK(again.actor == first.actor);
    CHECK(queues.enter(queue_of("t", 1)).actor != first.actor);
    CHECK(queues.find(queue_of("t")) == first.actor);
    CHECK_FALSE(queues.find(queue_of("t", 2)));
    CHECK(queues.all().size() == 2);
    CHECK(instances == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE_FIXTURE(queue_world, "live_queues: an idle one makes place for another, and what it says late takes nobody's place") {
    const auto first = queues.enter(queue_of("t"));
    CHECK_FALSE(queues.take_idle({queue_of("u"), 1}));
    CHECK(queues.take_idle({queue_of("t"), 1}) == first.actor);
    CHECK_FALSE(queues.find(queue_of("t")));
    CHECK_FALSE(queues.is_empty()); // it has not ended
    const auto second = queues.enter(queue_of("t"));
    CHECK(second.is_new);
    CHECK(instances == std::vector<std::uint64_t>{1, 2});
    CHECK_FALSE(queues.take_idle({queue_of("t"), 1}));
    CHECK(queues.ended(first.actor.address()));
    CHECK(queues.find(queue_of("t")) == second.actor);
    CHECK(queues.ended(second.actor.address()));
    CHECK_FALSE(queues.find(queue_of("t")));
    CHECK(queues.is_empty());
    CHECK_FALSE(queues.ended(second.actor.address()));
}

TEST_CASE_FIXTURE(queue_world, "live_queues: those of one topic, or of all, are taken out together, and counted until they have ended") {
    const auto t = queues.enter(queue_of("t")).actor;
    const auto other_t = queues.enter(queue_of("t", 1)).actor;
    const auto u = queues.enter(queue_of("u")).actor;
    CHECK(queues.take("t").size() == 2);
    CHECK(queues.all() == std::vector{u});
    CHECK(queues.take({}) == std::vector{u});
    CHECK(queues.all().empty());
    for (const auto& ended : {t, other_t, u}) {
        CHECK_FALSE(queues.is_empty());
        CHECK(queues.ended(ended.address()));
    }
    CHECK(queues.is_empty());
}
