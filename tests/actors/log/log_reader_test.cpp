#include "actors/log/log_reader.hpp"

#include "tests/actors/store_world.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

const topic_queue orders{"orders", queue_id{0}};

/// A reader of a store with three records, and the queue that asks it.
struct reader_world : store_world {
    std::shared_ptr<admission> reads = std::make_shared<admission>(10);
    std::shared_ptr<broker_metrics> metrics = std::make_shared<broker_metrics>();
    std::vector<records_read> answers;
    log_reader_actor reader = spawn_log_reader(world.system(), {store, reads, std::make_shared<admission>(10), metrics});
    queue_actor queue = world.system().spawn([this](queue_actor::pointer) -> queue_actor::behavior_type {
        return {[](const pull_from_queue&) {},
                [](const pull_abandoned&) {},
                [](const records_arrived&) {},
                [this](const records_read& result) { answers.push_back(result); },
                [](hold_tick) {},
                [](const finish&) {}};
    });

    reader_world() {
        for (const auto* body : {"a", "b", "c"})
            append(body);
    }
    ~reader_world() {
        caf::anon_send(reader, finish{});
        caf::anon_send_exit(queue, caf::exit_reason::kill);
        world.run();
    }
    const records_read& read(std::int64_t from) {
        REQUIRE(reads->try_acquire(1));
        caf::anon_send(reader, read_queue{answers.size(), orders, queue_offset{from}, nullptr, {}, queue});
        world.run();
        REQUIRE_FALSE(answers.empty());
        return answers.back();
    }
};

} // namespace

TEST_CASE_FIXTURE(reader_world,
                  "log_reader: a read is answered with its number, its records and the bounds, and gives back its admission") {
    const auto& found = read(1);
    CHECK(found.read == 0);
    CHECK(found.failure.code == errc::none);
    CHECK(found.records.status == storage::read_status::found);
    CHECK(found.records.next == queue_offset{3});
    CHECK(found.records.bounds.max == queue_offset{3});
    CHECK(reads->under_way() == 0);
    CHECK(metrics->reads == 1);
    CHECK(metrics->read_failures == 0);
}

TEST_CASE_FIXTURE(reader_world,
                  "log_reader: a read that the disk refuses is answered with its failure, counted, and gives back its admission") {
    fail_reads();
    CHECK(read(0).failure.code == errc::io);
    CHECK(reads->under_way() == 0);
    CHECK(metrics->read_failures == 1);
    mend();
    CHECK(read(0).failure.code == errc::none);
}

TEST_CASE_FIXTURE(reader_world, "log_reader: bounds and offsets by time are answered, and a search that the disk refuses fails") {
    CHECK((**world.ask<offset_found>(reader, find_max_offset{orders}))->offset == queue_offset{3});
    CHECK((**world.ask<offset_found>(reader, find_min_offset{orders}))->offset == queue_offset{0});
    CHECK((**world.ask<offset_found>(reader, find_max_offset{{"nobody's", queue_id{0}}}))->offset == queue_offset{0});
    const search_offset search{orders, world.wall_clock()(), false};
    CHECK((*world.ask<offset_found>(reader, search))->ok());
}

TEST_CASE_FIXTURE(reader_world, "log_reader: describes queues, progress and the store") {
    const auto topic = **world.ask<topic_described>(reader, describe_queues{"orders", "broker-a", 2});
    REQUIRE(topic);
    CHECK(topic->stats.at({"orders", "broker-a", 0}).max_offset == 3);
    CHECK(topic->stats.at({"orders", "broker-a", 0}).last_stored_ms > 0);
    CHECK(topic->stats.at({"orders", "broker-a", 1}).max_offset == 0);
    const auto group = **world.ask<group_described>(reader, describe_progress{"broker-a", {{orders, queue_offset{2}}}});
    REQUIRE(group);
    CHECK(group->stats.queues.at({"orders", "broker-a", 0}).consumer_offset == 2);
    CHECK((**world.ask<broker_described>(reader, describe_store{}))->values.at("storeState") == "open");
}

TEST_CASE_FIXTURE(reader_world, "log_reader: finds where a reset begins, and refuses an offset outside the queue") {
    const topic_queue other{"orders", queue_id{1}};
    const auto locate = [this](timestamp_ms time, std::int64_t offset) {
        return **world.ask<offsets_located>(reader, locate_offsets{"orders", {queue_id{0}, queue_id{1}}, time, queue_offset{offset}});
    };
    using found = std::vector<std::pair<topic_queue, queue_offset>>;
    CHECK(locate(timestamp_ms{0}, -1)->offsets == found{{orders, queue_offset{0}}, {other, queue_offset{0}}});
    CHECK(locate(timestamp_ms{-1}, -1)->offsets == found{{orders, queue_offset{3}}, {other, queue_offset{0}}});
    CHECK(locate(timestamp_ms{-1}, 0)->offsets == found{{orders, queue_offset{0}}, {other, queue_offset{0}}});
    CHECK(locate(timestamp_ms{-1}, 3).code() == errc::argument_illegal); // the other queue is empty
    const auto bounds = **world.ask<bounds_found>(reader, find_bounds{orders});
    CHECK(bounds->min == queue_offset{0});
    CHECK(bounds->max == queue_offset{3});
}

TEST_CASE_FIXTURE(reader_world, "log_reader: hands out the record at a log position, and says when there is none") {
    const auto records = read(1).records.records;
    const auto position = protocol::record_position(records.view());
    const auto found = **world.ask<record_at_read>(reader, read_record_at{position});
    REQUIRE(found);
    CHECK(protocol::decode_record(found->record)->body.view() == "b");
    CHECK_FALSE((*world.ask<record_at_read>(reader, read_record_at{log_position{1 << 19}}))->ok());
}
