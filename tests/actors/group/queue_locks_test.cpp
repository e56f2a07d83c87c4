#include "actors/group/queue_locks.hpp"

#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

struct locks_world {
    virtual_system world;
    queue_lock_actor locks = spawn_queue_locks(world.system());

    ~locks_world() {
        caf::anon_send(locks, finish{});
        world.run();
    }
    client_session_actor connect() {
        return world.system().spawn(
            [](client_session_actor::pointer) -> client_session_actor::behavior_type { return {[](const consumers_changed&) {}}; });
    }
    void disconnect(const client_session_actor& session) {
        caf::anon_send_exit(session, caf::exit_reason::user_shutdown);
        world.run();
    }
    result<queues_locked> ask(const std::string& client, const client_session_actor& session, const std::string& group = "g") {
        const auto place = world.ask<queues_locked>(locks, lock_queues{{group, client, false, {{"orders", "broker-a", 0}}}, session});
        REQUIRE(place->has_value());
        return **place;
    }
    bool lock(const std::string& client, const client_session_actor& session) {
        const auto locked = ask(client, session);
        REQUIRE(locked.ok());
        return locked->queues.size() == 1;
    }
};

} // namespace

TEST_CASE_FIXTURE(locks_world, "queue_locks: a queue is free when its holder gives it back, or has been silent for a minute") {
    const auto a = connect();
    const auto b = connect();
    CHECK(lock("a", a));
    CHECK_FALSE(lock("b", b));
    REQUIRE((*world.ask<queues_unlocked>(locks, unlock_queues{{"g", "a", false, {{"orders", "broker-a", 0}}}}))->ok());
    CHECK(lock("b", b));
    world.advance(59s, 1s);
    CHECK_FALSE(lock("a", a));
    world.advance(1s, 1s);
    CHECK(lock("a", a));
    disconnect(a);
    disconnect(b);
}

TEST_CASE_FIXTURE(locks_world, "queue_locks: the end of a holder's connection ends its lock when the holder has stopped to believe in it") {
    const auto a = connect();
    const auto b = connect();
    CHECK(lock("a", a));
    CHECK(lock("a", a));
    disconnect(a);
    world.advance(30s, 1s);
    CHECK_FALSE(lock("b", b));
    world.advance(1s, 1s);
    CHECK(lock("b", b));
    disconnect(b);
}

TEST_CASE_FIXTURE(locks_world, "queue_locks: what cannot be locked is answered with its reason") {
    CHECK(ask("", {}).code() == errc::argument_illegal);
    CHECK(ask("a", {}, "no good").code() == errc::group_illegal);
}
