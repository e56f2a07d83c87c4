#include "actors/log/log_flusher.hpp"

#include "tests/actors/store_world.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

struct flusher_world : store_world {
    flusher_world() : store_world{storage::flush_mode::async} { world.run(); }
    ~flusher_world() {
        caf::anon_send(flusher, finish{});
        world.run();
    }
    [[nodiscard]] bool is_durable() const { return store->stats().log_durable == store->stats().log_end; }

    log_flusher_actor flusher = spawn_log_flusher(world.system(), {store, 500ms});
};

} // namespace

TEST_CASE_FIXTURE(flusher_world, "log_flusher: what was written is durable within an interval, or at once when the log writer nudges") {
    append("a");
    CHECK_FALSE(is_durable());
    SUBCASE("interval") {
        world.advance(510ms);
    }
    SUBCASE("nudge") {
        caf::anon_send(flusher, sync_tick{});
        world.run();
    }
    CHECK(is_durable());
}

TEST_CASE_FIXTURE(flusher_world, "log_flusher: a sync that fails is reported once and turns the store read-only") {
    append("a");
    fail_writes("commitlog");
    world.advance(3s);
    CHECK(logged_by("log flusher") == 1);
    CHECK(store->state() == storage::store_state::read_only);
    mend();
}

TEST_CASE_FIXTURE(flusher_world, "log_flusher: finish ends it, and leaves the last sync to the log writer") {
    bool ended = false;
    caf::actor_cast<caf::actor>(flusher)->attach_functor([&ended](const caf::error&) { ended = true; });
    append("a");
    caf::anon_send(flusher, finish{});
    world.run();
    CHECK(ended);
    CHECK_FALSE(is_durable());
}
