#include "actors/base/topic_directory.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;

namespace {

topic_config named(std::string name, std::int32_t queues = 4) {
    topic_config topic;
    topic.name = std::move(name);
    topic.read_queues = topic.write_queues = queues;
    return topic;
}

} // namespace

TEST_CASE("topic_snapshot: a change makes a new snapshot and leaves the old one as it was") {
    const auto none = std::make_shared<const topic_snapshot>(permission::read_write, 1);
    const auto one = none->with(named("orders"), 2);
    const auto changed = one->with(named("orders", 8), 3);
    const auto gone = changed->without("orders", 4);
    CHECK(none->find("orders") == nullptr);
    REQUIRE(one->find("orders") != nullptr);
    CHECK(one->find("orders")->read_queues == 4);
    CHECK(changed->find("orders")->read_queues == 8);
    CHECK(gone->find("orders") == nullptr);
    CHECK(gone->version().counter == 3);
    CHECK(gone->version().timestamp_ms == 4);
}

TEST_CASE("topic_snapshot: holds many topics, however they came in") {
    std::vector<topic_config> loaded;
    for (int i = 0; i < 1000; ++i)
        loaded.push_back(named("t" + std::to_string(i)));
    std::shared_ptr<const topic_snapshot> all = std::make_shared<topic_snapshot>(permission::read_write, 1, loaded);
    for (int i = 1000; i < 1100; ++i)
        all = all->with(named("t" + std::to_string(i)), 2);
    CHECK(all->size() == 1100);
    CHECK(all->find("t7") != nullptr);
    CHECK(all->find("t1099") != nullptr);
    CHECK(all->find("t1100") == nullptr);
    CHECK(all->table().topics.size() == 1100);
}

TEST_CASE("topic_snapshot: a read-only broker lists no topic as writable, and keeps inherit") {
    auto topic = named("orders");
    topic.perm = 7;
    const topic_snapshot snapshot{permission::read, 1, {topic}};
    CHECK(snapshot.table().topics.at("orders").perm == (permission::read | permission::inherit));
    CHECK(snapshot.find("orders")->perm == 7);
}

TEST_CASE("topic_directory: hands out the latest snapshot") {
    const auto first = std::make_shared<const topic_snapshot>(permission::read_write, 1);
    topic_directory directory{first};
    CHECK(directory.current() == first);
    const auto second = first->with(named("orders"), 2);
    directory.publish(second);
    CHECK(directory.current() == second);
}
