#include "client/internal/route_cache.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};

protocol::topic_route make_route(int queues, const std::string& address = "127.0.0.1:10911") {
    protocol::topic_route route;
    route.brokers.push_back({"c", "broker-a", {{0, address}}});
    route.queues.push_back({"broker-a", queues, queues, permission::read_write, 0});
    return route;
}

const error missing{errc::topic_not_found, "no such topic"};
const error away{errc::no_name_server, "nobody answers"};

} // namespace

TEST_CASE("route_cache: a watched topic is asked for at once, and once at a time") {
    route_cache cache{{}};
    REQUIRE(cache.watch("t", false, start));
    CHECK(cache.next_due() == start);
    CHECK(cache.take_due(start, 10) == std::vector<std::string>{"t"});
    CHECK(cache.take_due(start + 1h, 10).empty());
    CHECK_FALSE(cache.next_due().has_value());
}

TEST_CASE("route_cache: a route is refreshed after its interval and reported only when it changed") {
    route_cache cache{{}};
    cache.watch("t", false, start);
    cache.take_due(start, 10);
    CHECK(cache.found("t", make_route(4), start));
    CHECK(cache.next_due() == start + 30s);
    CHECK(cache.take_due(start + 29s, 10).empty());
    CHECK(cache.take_due(start + 30s, 10).size() == 1);
    CHECK_FALSE(cache.found("t", make_route(4), start + 30s));
    cache.take_due(start + 60s, 10);
    CHECK(cache.found("t", make_route(5), start + 60s));
}

TEST_CASE("route_cache: suspicion asks soon, but not more often than the shortest interval") {
    route_cache cache{{}};
    cache.watch("t", false, start);
    cache.take_due(start, 10);
    cache.found("t", make_route(4), start);
    cache.suspect("t", start + 10ms);
    CHECK(cache.next_due() == start + 150ms);
    cache.take_due(start + 150ms, 10);
    cache.suspect("t", start + 151ms); // while asking: once more after the answer
    cache.found("t", make_route(4), start + 160ms);
    CHECK(cache.next_due() == start + 310ms);
    cache.suspect("unwatched", start);
}

TEST_CASE("route_cache: a known route outlives name servers that are away or have forgotten it") {
    route_cache cache{{}};
    cache.watch("t", false, start);
    cache.take_due(start, 10);
    cache.found("t", make_route(4), start);
    for (int i = 1; i < 6; ++i) {
        cache.take_due(start + i * 30s, 10);
        CHECK_FALSE(cache.failed("t", i % 2 == 0 ? missing : away, start + i * 30s).has_value());
        CHECK(cache.find("t") != nullptr);
    }
}

TEST_CASE("route_cache: no such topic is believed at the third answer; an absent name server is told each time") {
    route_cache cache{{}};
    cache.watch("t", false, start);
    cache.take_due(start, 10);
    CHECK_FALSE(cache.failed("t", missing, start).has_value());
    CHECK(cache.next_due() == start + 150ms);
    cache.take_due(start + 150ms, 10);
    CHECK_FALSE(cache.failed("t", missing, start + 150ms).has_value());
    cache.take_due(start + 300ms, 10);
    CHECK(cache.failed("t", missing, start + 300ms) == missing);
    cache.watch("u", false, start);
    cache.take_due(start, 10);
    CHECK(cache.failed("u", away, start) == away);
}

TEST_CASE("route_cache: the last watcher takes the topic with it, and there is a bound") {
    route_cache::options small;
    small.topics_max = 1;
    route_cache cache{small};
    CHECK(cache.watch("t", false, start));
    CHECK(cache.watch("t", true, start));
    CHECK(cache.may_create("t"));
    CHECK_FALSE(cache.watch("u", false, start));
    cache.unwatch("t");
    cache.take_due(start, 10);
    CHECK(cache.found("t", make_route(1), start));
    cache.unwatch("t");
    CHECK(cache.find("t") == nullptr);
    CHECK_FALSE(cache.found("t", make_route(1), start)); // a late answer
    CHECK(cache.watch("u", false, start));
}

TEST_CASE("route_cache: a route says which queues may be written and read") {
    protocol::topic_route route;
    route.brokers = {{"c", "b", {{0, "x:1"}, {1, "x:2"}}}, {"c", "a", {{0, "y:1"}}}, {"c", "slave-only", {{1, "z:1"}}}};
    route.queues = {{"b", 2, 1, permission::read_write, 0},
                    {"a", 1, 1, permission::read, 0},
                    {"slave-only", 1, 1, permission::read_write, 0},
                    {"gone", 1, 1, permission::read_write, 0}};
    const auto queues = queues_of("t", route);
    CHECK(queues.writable == std::vector<message_queue>{{"t", "b", 0}});
    CHECK(queues.readable == std::vector<message_queue>{{"t", "a", 0}, {"t", "b", 0}, {"t", "b", 1}, {"t", "slave-only", 0}});
    CHECK(addresses_of(route) == std::map<std::string, std::string>{{"a", "y:1"}, {"b", "x:1"}, {"slave-only", "z:1"}});
}

TEST_CASE("route_cache: the template topic gives at most four queues") {
    CHECK(template_route(make_route(8)).queues.front().write_queues == 4);
    CHECK(template_route(make_route(2)).queues.front().read_queues == 2);
}
