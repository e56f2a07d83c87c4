#include "actors/group/queue_assignment.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

std::vector<protocol::message_queue> topic_on(const std::vector<std::string>& brokers, std::int32_t queues) {
    std::vector<protocol::queue_data> route;
    for (const auto& broker : brokers)
        route.push_back({broker, queues, queues, permission::read_write, 0});
    return readable_queues("T", route);
}

std::vector<std::int32_t> assigned(const std::string& client, std::int32_t queues, std::vector<std::string> members, request_mode mode = {},
                                   const std::string& strategy = "AVG") {
    const auto given = assign_queues({client, strategy, std::move(mode), topic_on({"b"}, queues), std::move(members)});
    REQUIRE_MESSAGE(given.ok(), (given ? std::string{} : to_string(given.failure())));
    std::vector<std::int32_t> all;
    for (const auto& one : *given)
        all.push_back(one.queue.queue);
    return all;
}

using numbers = std::vector<std::int32_t>;
const request_mode pop_all{"T", "G", true, 0};

} // namespace

TEST_CASE("queue_assignment: pulls get contiguous shares, or every n-th queue") {
    CHECK(assigned("a", 8, {"b", "a", "c"}) == numbers{0, 1, 2});
    CHECK(assigned("c", 8, {"b", "a", "c"}) == numbers{6, 7});
    CHECK(assigned("b", 8, {"b", "a", "c"}, {}, "AVG_BY_CIRCLE") == numbers{1, 4, 7});
    CHECK(assigned("c", 2, {"a", "b", "c"}).empty());
}

TEST_CASE("queue_assignment: in mode pop everybody gets every broker") {
    const auto given = assign_queues({"a", "AVG", pop_all, topic_on({"x", "y"}, 4), {"a", "b"}});
    REQUIRE(given.ok());
    CHECK(*given == std::vector<protocol::queue_assignment>{{{"T", "x", -1}, true}, {{"T", "y", -1}, true}});
    CHECK(assigned("a", 8, {"a", "b", "c"}, {"T", "G", true, 2}) == numbers{-1}); // both others share: that is everybody
}

TEST_CASE("queue_assignment: with few sharing each queue has as many readers, and each client a queue") {
    const std::vector<std::string> members{"a", "b", "c", "d"};
    std::map<std::int32_t, int> readers;
    for (const auto& client : members)
        for (const auto queue : assigned(client, 8, members, {"T", "G", true, 1}))
            ++readers[queue];
    REQUIRE(readers.size() == 8);
    for (const auto& one : readers)
        CHECK(one.second == 2);
    CHECK(assigned("d", 8, members, {"T", "G", true, 1}) == numbers{0, 1, 6, 7});
    for (const auto& client : members)
        CHECK(assigned(client, 3, members, {"T", "G", true, 1}).size() == 1);
}

TEST_CASE("queue_assignment: who is no member, and what is no strategy, is refused; queues without permission are left out") {
    CHECK(assign_queues({"x", "AVG", {}, topic_on({"b"}, 4), {"a"}}).code() == errc::group_not_found);
    CHECK(assign_queues({"a", "MACHINE_ROOM", {}, topic_on({"b"}, 4), {"a"}}).code() == errc::argument_illegal);
    CHECK(readable_queues("T", {{"b", 4, 4, permission::write, 0}, {"c", 1, 4, permission::read, 0}}) ==
          std::vector<protocol::message_queue>{{"T", "c", 0}});
    CHECK(assign_queues({"a", "AVG", pop_all, {}, {"a"}})->empty());
}
