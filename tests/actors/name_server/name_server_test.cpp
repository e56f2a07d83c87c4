#include "actors/name_server/name_server.hpp"

#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

struct fixture : virtual_system {
    name_server_actor server = spawn_name_server(system());

    ~fixture() {
        caf::anon_send_exit(server, caf::exit_reason::user_shutdown);
        run();
    }
    broker_session_actor spawn_session() {
        return system().spawn(
            [](broker_session_actor::pointer) -> broker_session_actor::behavior_type { return {[](const consumers_changed&) {}}; });
    }
    void end(const broker_session_actor& session) {
        caf::anon_send_exit(session, caf::exit_reason::user_shutdown);
        run();
    }
    void add_broker(const broker_session_actor& session, std::int64_t expire_ms = 0) {
        register_broker order{"DefaultCluster", "a", broker_id{0}, "10.0.0.1:10911", expire_ms, {}, session};
        order.topics.version.counter = 1;
        order.topics.topics["orders"] = topic_config{"orders", 4, 4, 6, 0, false, {}};
        CHECK((*ask<broker_registered>(server, order))->ok());
    }
    bool has_route() { return (*ask<route_found>(server, find_route{"orders"}))->ok(); }
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a registered broker is in the routes, and its session's end takes it out at once") {
    const auto session = spawn_session();
    CHECK((*ask<route_found>(server, find_route{"orders"}))->code() == errc::topic_not_found);
    add_broker(session);
    CHECK(has_route());
    end(session);
    CHECK_FALSE(has_route());
}

TEST_CASE_FIXTURE(fixture, "only the session of the last registration speaks for a broker") {
    const auto first = spawn_session();
    const auto second = spawn_session();
    add_broker(first);
    add_broker(second);
    end(first);
    CHECK(has_route());
    end(second);
    CHECK_FALSE(has_route());
}

TEST_CASE_FIXTURE(fixture, "a connection that speaks for another broker takes the first out of the routes") {
    const auto session = spawn_session();
    add_broker(session);
    register_broker other{"DefaultCluster", "b", broker_id{0}, "10.0.0.2:10911", 0, {}, session};
    CHECK((*ask<broker_registered>(server, other))->ok());
    CHECK_FALSE(has_route());
    const auto brokers = (*ask<cluster_described>(server, describe_cluster{}))->value().info.brokers;
    CHECK(brokers.size() == 1);
    end(session);
    CHECK((*ask<cluster_described>(server, describe_cluster{}))->value().info.brokers.empty());
}

TEST_CASE_FIXTURE(fixture, "the answer to a name that cannot be a topic's does not repeat it") {
    const auto route = *ask<route_found>(server, find_route{std::string(100'000, 'x')});
    CHECK(route->code() == errc::topic_not_found);
    CHECK(route->failure().text.size() < 1'000);
}

TEST_CASE_FIXTURE(fixture, "a broker that falls silent leaves by expiry, one that beats stays") {
    const auto session = spawn_session();
    add_broker(session);
    for (int beat = 0; beat < 4; ++beat) {
        advance(100s, 1s);
        CHECK((*ask<broker_registered>(server, broker_heartbeat{"DefaultCluster", "a", "10.0.0.1:10911"}))->ok());
    }
    CHECK(has_route());
    advance(126s, 1s);
    CHECK_FALSE(has_route());
    end(session);
}

TEST_CASE_FIXTURE(fixture, "a broker that leaves on purpose is gone, and may come back") {
    const auto session = spawn_session();
    add_broker(session);
    CHECK((*ask<broker_unregistered>(server, unregister_broker{"DefaultCluster", "a", broker_id{0}, "10.0.0.1:10911"}))->ok());
    CHECK_FALSE(has_route());
    add_broker(session);
    CHECK(has_route());
    end(session);
    CHECK_FALSE(has_route());
}

TEST_CASE_FIXTURE(fixture, "a registration that makes no sense is refused") {
    register_broker order{"DefaultCluster", "", broker_id{0}, "10.0.0.1:10911", 0, {}, {}};
    CHECK((*ask<broker_registered>(server, order))->code() == errc::argument_illegal);
}
