#include "actors/log/indexer.hpp"

#include "tests/actors/store_world.hpp"

#include <caf/actor_cast.hpp>

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

struct indexer_world : store_world {
    indexer_actor indexer = spawn_indexer(world.system(), {store, 100ms});

    ~indexer_world() { finish_indexer(); }
    void finish_indexer() {
        caf::anon_send(indexer, finish{});
        world.run();
    }
    [[nodiscard]] bool is_indexed() const { return store->stats().index_persisted == store->stats().log_end; }
};

} // namespace

TEST_CASE_FIXTURE(indexer_world, "indexer: finish writes the whole index and moves the checkpoint to the end of the log") {
    append("a");
    append("b");
    CHECK_FALSE(is_indexed());
    finish_indexer();
    CHECK(is_indexed());
    CHECK(logged_by("indexer") == 0);
}

TEST_CASE_FIXTURE(indexer_world, "indexer: what is stored leaves the memory within an interval, or at once when the log writer nudges") {
    world.run();
    append("a");
    const auto waiting = store->stats().index_memory_bytes;
    SUBCASE("interval") {
        world.advance(110ms);
    }
    SUBCASE("nudge") {
        caf::anon_send(indexer, index_tick{});
        world.run();
    }
    CHECK(store->stats().index_memory_bytes < waiting);
}

TEST_CASE_FIXTURE(indexer_world,
                  "indexer: a disk that fails is reported once and does not hold up the end; the next start makes up for it") {
    append("a");
    append("b");
    fail_writes("index");
    bool ended = false;
    caf::actor_cast<caf::actor>(indexer)->attach_functor([&ended](const caf::error&) { ended = true; });
    finish_indexer();
    CHECK(ended);
    CHECK(logged_by("indexer") == 1);
    CHECK_FALSE(is_indexed());
    mend();
    const auto options = store->options();
    store.reset();
    auto opened = storage::message_store::open(files, options);
    REQUIRE(opened);
    CHECK((*opened)->bounds({"orders", queue_id{0}})->max == queue_offset{2});
}
