#include "actors/broker/metadata_keeper.hpp"

#include "storage/metadata_store.hpp"
#include "tests/actors/store_world.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

struct metadata_world : store_world {
    std::shared_ptr<storage::metadata_store> metadata = open();
    metadata_keeper_actor keeper = spawn_metadata_keeper(world.system(), metadata);
    put_topic topic;
    put_group group;

    metadata_world() {
        topic.topic.name = "orders";
        group.group.name = "readers";
    }
    ~metadata_world() {
        caf::anon_send(keeper, finish{});
        world.run();
    }
    std::shared_ptr<storage::metadata_store> open() {
        auto opened = storage::metadata_store::open(files, "/store/metadata");
        if (!opened)
            FAIL(to_string(opened.failure()));
        return std::move(*opened);
    }
};

} // namespace

TEST_CASE_FIXTURE(metadata_world, "metadata_keeper: topics and groups are on disk when they are answered") {
    CHECK((*world.ask<topic_put>(keeper, topic))->ok());
    CHECK((*world.ask<group_put>(keeper, group))->ok());
    CHECK(*metadata->topics() == std::vector{topic.topic});
    CHECK(*metadata->groups() == std::vector{group.group});
}

TEST_CASE_FIXTURE(metadata_world, "metadata_keeper: what the disk does not take is answered with its failure, and the keeper goes on") {
    fail_writes("metadata");
    CHECK((*world.ask<topic_put>(keeper, topic))->code() == errc::io);
    CHECK_FALSE((*world.ask<group_put>(keeper, group))->ok());
    mend();
}
