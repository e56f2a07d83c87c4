#include "actors/broker/client_sessions.hpp"

#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

struct session_world {
    test_support::virtual_system world;
    client_sessions sessions;

    client_session_actor session() {
        return world.system().spawn(
            [](client_session_actor::pointer) -> client_session_actor::behavior_type { return {[](const consumers_changed&) {}}; });
    }
    static client_origin over(std::uint64_t connection) {
        client_origin origin;
        origin.connection = connection;
        return origin;
    }
};

} // namespace

TEST_CASE_FIXTURE(session_world, "client_sessions: a session has one number, however often it comes, and what it said of itself first") {
    const auto a = session();
    const auto b = session();
    const auto first = sessions.enter(a, over(7));
    CHECK(first.is_new);
    CHECK(first.number != 0);
    const auto again = sessions.enter(a, over(8));
    CHECK_FALSE(again.is_new);
    CHECK(again.number == first.number);
    CHECK(sessions.enter(b, over(9)).number != first.number);
    const auto* client = sessions.find(first.number);
    REQUIRE(client != nullptr);
    CHECK(client->actor == a);
    CHECK(client->origin.connection == 7);
    CHECK(sessions.of_connection(7) == first.number);
    CHECK(sessions.of_connection(8) == 0);
}

TEST_CASE_FIXTURE(session_world,
                  "client_sessions: one that has ended is known neither by number nor by connection, and its number is not given again") {
    const auto a = session();
    const auto b = session();
    const auto first = sessions.enter(a, over(7)).number;
    const auto second = sessions.enter(b, over(9)).number;
    CHECK(sessions.leave(a.address()) == first);
    CHECK(sessions.find(first) == nullptr);
    CHECK(sessions.of_connection(7) == 0);
    CHECK(sessions.of_connection(9) == second);
    CHECK_FALSE(sessions.leave(a.address())); // it is told once
    const auto anew = sessions.enter(a, over(7));
    CHECK(anew.is_new);
    CHECK(anew.number != first);
    CHECK(anew.number != second);
}

TEST_CASE_FIXTURE(session_world, "client_sessions: clients of this process have no connection, and are not found by one") {
    const auto embedded = sessions.enter(session(), {}).number;
    CHECK(sessions.find(embedded) != nullptr);
    CHECK(sessions.of_connection(0) == 0);
    CHECK(sessions.find(0) == nullptr);
}

TEST_CASE_FIXTURE(session_world, "client_sessions: what was never a session does not leave") {
    sessions.enter(session(), over(7));
    CHECK_FALSE(sessions.leave(session().address()));
    CHECK(sessions.of_connection(7) != 0);
}
