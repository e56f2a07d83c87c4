#include "actors/log/queue.hpp"

#include "protocol/message_codec.hpp"
#include "tests/actors/virtual_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;
using storage::read_status;

namespace {

const topic_queue orders{"orders", queue_id{0}};

/// A queue between doubles: what it asks of reader and writer is written down, the answers are the test's.
struct queue_world {
    virtual_system world;
    std::shared_ptr<recorded_tickets> answers = std::make_shared<recorded_tickets>();
    std::shared_ptr<std::vector<read_queue>> reads = std::make_shared<std::vector<read_queue>>();
    std::shared_ptr<std::vector<watch_queue>> watches = std::make_shared<std::vector<watch_queue>>();
    std::shared_ptr<int> idle = std::make_shared<int>(0);
    std::shared_ptr<admission> read_admission = std::make_shared<admission>(100);
    std::shared_ptr<admission> hold_admission = std::make_shared<admission>(3);
    std::shared_ptr<broker_metrics> metrics = std::make_shared<broker_metrics>();
    ticket_holder_actor holder = spawn_recorder(world.system(), answers);
    queue_owner_actor owner;
    queue_actor queue;

    queue_world() {
        queue_options options;
        options.queue = orders;
        options.instance = 7;
        owner = world.system().spawn([n = idle](queue_owner_actor::pointer) -> queue_owner_actor::behavior_type {
            return {[n](const queue_idle& event) { *n += event.instance == 7 ? 1 : 100; }};
        });
        options.owner = owner;
        options.log_writer = spawn_writer();
        options.log_readers = {spawn_reader()};
        options.read_admission = read_admission;
        options.hold_admission = hold_admission;
        options.metrics = metrics;
        options.read_deadline = 5s;
        options.idle = 30s;
        queue = spawn_queue(world.system(), options);
    }
    ~queue_world() {
        caf::anon_send(queue, finish{});
        world.run();
    }

    log_writer_actor spawn_writer() {
        return world.system().spawn([w = watches](log_writer_actor::pointer) -> log_writer_actor::behavior_type {
            return {[](const append_records&) {},
                    [w](const watch_queue& order) { w->push_back(order); },
                    [](const unwatch_queue&) {},
                    [](const watch_growth&) {},
                    [](const drop_topic_index&) { return topic_index_dropped{}; },
                    [](write_tick) {},
                    [](probe_tick) {},
                    [](retain_tick) {},
                    [](const finish&) {}};
        });
    }
    log_reader_actor spawn_reader() {
        return world.system().spawn([r = reads](log_reader_actor::pointer) -> log_reader_actor::behavior_type {
            return {[r](const read_queue& order) { r->push_back(order); },
                    [](const find_max_offset&) { return offset_found{}; },
                    [](const find_min_offset&) { return offset_found{}; },
                    [](const search_offset&) { return offset_found{}; },
                    [](const describe_queues&) { return topic_described{}; },
                    [](const describe_progress&) { return group_described{}; },
                    [](const describe_store&) { return broker_described{}; },
                    [](const read_record_at&) { return record_at_read{}; },
                    [](const locate_offsets&) { return offsets_located{}; },
                    [](const find_bounds&) { return bounds_found{}; },
                    [](const read_page&) { return page_read{}; },
                    [](const describe_ages&) { return ages_described{}; },
                    [](const measure_lag&) { return lag_measured{}; },
                    [](const trim_topic&) { return topic_trimmed{}; },
                    [](const finish&) {}};
        });
    }
    void pull(std::uint64_t ticket, std::int64_t from, std::int64_t hold_ms, std::shared_ptr<const storage::record_filter> filter = nullptr,
              storage::read_limits limits = {}) {
        caf::anon_send(queue, pull_from_queue{ticket, holder, queue_offset{from}, limits, std::move(filter), hold_ms});
        world.run();
    }
    void pull_by(std::uint64_t connection, std::uint64_t ticket, std::int64_t from) {
        caf::anon_send(queue, pull_from_queue{ticket, holder, queue_offset{from}, {}, nullptr, 0, connection});
        world.run();
    }
    /// Answers the oldest read that has no answer yet.
    void answer_read(read_status status, std::int64_t next, std::int64_t max, std::string records = {}) {
        REQUIRE_FALSE(reads->empty());
        const auto order = reads->front();
        reads->erase(reads->begin());
        read_admission->release(1);
        storage::read_records result;
        result.status = status;
        result.next = queue_offset{next};
        result.bounds = {queue_offset{0}, queue_offset{max}};
        result.records = payload{std::move(records)};
        caf::anon_send(order.reply_to, records_read{order.read, {}, result});
        world.run();
    }
    void arrive(std::int64_t max) {
        caf::anon_send(queue, records_arrived{{queue_offset{0}, queue_offset{max}}});
        world.run();
    }
    /// The same, and the `count` records before `max` come along.
    void arrive_with(std::int32_t count, std::int64_t max, std::string records) {
        caf::anon_send(
            queue, records_arrived{{queue_offset{0}, queue_offset{max}}, {queue_offset{max - count}, count, payload{std::move(records)}}});
        world.run();
    }
    [[nodiscard]] bool answered(std::uint64_t ticket) const { return answers->pulled.contains(ticket); }
    const pull_answered& answer(std::uint64_t ticket) { return answers->pulled.at(ticket); }
};

} // namespace

TEST_CASE_FIXTURE(queue_world, "queue: records that are there are handed out at once") {
    pull(1, 3, 15'000);
    REQUIRE(reads->size() == 1);
    CHECK(reads->front().from == queue_offset{3});
    answer_read(read_status::found, 5, 9, "records");
    REQUIRE(answered(1));
    CHECK(answer(1).answer.status == pull_status::found);
    CHECK(answer(1).answer.records.view() == "records");
    CHECK(answer(1).answer.next == queue_offset{5});
    CHECK(answer(1).answer.max == queue_offset{9});
}

TEST_CASE_FIXTURE(queue_world, "queue: a pull without hold time hears at once that there is nothing") {
    pull(1, 4, 0);
    answer_read(read_status::at_end, 4, 4);
    REQUIRE(answered(1));
    CHECK(answer(1).answer.status == pull_status::no_new);
    CHECK(answer(1).answer.next == queue_offset{4});
    CHECK(watches->empty());
}

TEST_CASE_FIXTURE(queue_world, "queue: a held pull is answered when records arrive, and not before") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    CHECK_FALSE(answered(1));
    REQUIRE(watches->size() == 1);
    CHECK(watches->front().queue == orders);
    arrive(4); // the writer's first word: nothing new
    CHECK(reads->empty());
    arrive(5);
    REQUIRE(reads->size() == 1);
    answer_read(read_status::found, 5, 5, "r");
    CHECK(answer(1).answer.status == pull_status::found);
    CHECK(metrics->pulls_held == 0);
    CHECK(hold_admission->under_way() == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: records that come along with the news are handed out without a read") {
    pull(1, 5, 1'000);
    answer_read(read_status::at_end, 5, 5);
    pull(2, 5, 1'000);
    answer_read(read_status::at_end, 5, 5);
    arrive_with(2, 7, "two");
    CHECK(reads->empty());
    for (const auto ticket : {1u, 2u}) {
        REQUIRE(answered(ticket));
        const auto& pulled = answer(ticket).answer;
        CHECK(pulled.status == pull_status::found);
        CHECK(pulled.next == queue_offset{7});
        CHECK(pulled.max == queue_offset{7});
        CHECK(pulled.records.view() == "two");
    }
    CHECK(metrics->pulls_found == 2);
    CHECK(hold_admission->under_way() == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: who wants other records than those that come along reads") {
    const auto filter = std::make_shared<storage::record_filter>(storage::record_filter{{7}});
    SUBCASE("a filter") {
        pull(1, 5, 1'000, filter);
    }
    SUBCASE("fewer messages") {
        pull(1, 5, 1'000, nullptr, {1, 1'000});
    }
    SUBCASE("fewer bytes") {
        pull(1, 5, 1'000, nullptr, {32, 2});
    }
    SUBCASE("from earlier on") {
        pull(1, 4, 1'000);
    }
    answer_read(read_status::at_end, 5, 5);
    arrive_with(2, 7, "two");
    CHECK_FALSE(answered(1));
    REQUIRE(reads->size() == 1);
    answer_read(read_status::found, 7, 7, "read");
    REQUIRE(answered(1));
    CHECK(answer(1).answer.records.view() == "read");
}

TEST_CASE_FIXTURE(queue_world, "queue: filters choose from the records that come along, and who wants none goes on waiting") {
    const auto wanting = [](int value) {
        auto filter = std::make_shared<storage::record_filter>();
        filter->wants = [text = std::to_string(value)](std::string_view properties) {
            return protocol::find_property(properties, "a") == text;
        };
        return filter;
    };
    const auto record = [](int value) {
        protocol::message m;
        m.topic = "orders";
        m.body = payload{std::to_string(value)};
        m.properties = protocol::encode_properties({{"a", std::to_string(value)}}).value();
        return protocol::encode_record(m).value();
    };
    pull(1, 5, 1'000, wanting(1));
    answer_read(read_status::at_end, 5, 5);
    pull(2, 5, 1'000, wanting(2));
    answer_read(read_status::at_end, 5, 5);
    arrive_with(2, 7, record(0) + record(1));
    CHECK(reads->empty());
    REQUIRE(answered(1));
    CHECK(answer(1).answer.status == pull_status::found);
    CHECK(answer(1).answer.records.view() == record(1));
    CHECK(answer(1).answer.next == queue_offset{7});
    CHECK_FALSE(answered(2));
    CHECK(metrics->pulls_held == 1);
    arrive_with(1, 8, record(2));
    CHECK(reads->empty());
    REQUIRE(answered(2));
    CHECK(answer(2).answer.records.view() == record(2));
    CHECK(answer(2).answer.next == queue_offset{8});
    // What was skipped counts as progress when the time is over.
    pull(3, 8, 1'000, wanting(3));
    arrive_with(1, 9, record(0));
    CHECK_FALSE(answered(3));
    world.advance(1'100ms);
    REQUIRE(answered(3));
    CHECK(answer(3).answer.status == pull_status::no_match);
    CHECK(answer(3).answer.next == queue_offset{9});
    CHECK(reads->empty());
    CHECK(hold_admission->under_way() == 0);
    CHECK(answers->repeated == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: a filter that wants nothing of what comes along reads the records behind it") {
    auto none = std::make_shared<storage::record_filter>();
    none->wants = [](std::string_view) { return false; };
    pull(1, 5, 1'000, none);
    answer_read(read_status::at_end, 5, 5);
    protocol::message m;
    m.topic = "orders";
    m.body = payload{"x"};
    // One record at 5 comes along, and there is a second one.
    caf::anon_send(queue, records_arrived{{queue_offset{0}, queue_offset{7}}, {queue_offset{5}, 1, payload{*protocol::encode_record(m)}}});
    world.run();
    REQUIRE(reads->size() == 1);
    CHECK(reads->front().from == queue_offset{6});
    answer_read(read_status::found, 7, 7, "read");
    CHECK(answer(1).answer.records.view() == "read");
}

TEST_CASE_FIXTURE(queue_world, "queue: what arrives between the read and the watch is not missed") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    arrive(6); // the answer to the watch already shows more
    REQUIRE(reads->size() == 1);
    answer_read(read_status::found, 6, 6, "r");
    CHECK(answered(1));
}

TEST_CASE_FIXTURE(queue_world, "queue: at the known end a pull is held without asking a reader") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    arrive(4);
    pull(2, 4, 15'000);
    CHECK(reads->empty());
    arrive(5);
    REQUIRE(reads->size() == 1); // both want the same: one read
    answer_read(read_status::found, 5, 5, "r");
    CHECK(answered(1));
    CHECK(answered(2));
}

TEST_CASE_FIXTURE(queue_world, "queue: of pulls woken together, those that want the same share a read, whatever came between them") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    arrive(4);
    pull(2, 4, 15'000, std::make_shared<storage::record_filter>());
    pull(3, 4, 15'000);
    CHECK(reads->empty());
    arrive(5);
    REQUIRE(reads->size() == 2);
    const bool plain_is_first = reads->front().filter == nullptr;
    answer_read(read_status::found, 5, 5, "r");
    CHECK(answered(1) == plain_is_first);
    CHECK(answered(3) == plain_is_first);
    CHECK(answered(2) != plain_is_first);
    answer_read(read_status::found, 5, 5, "r");
    CHECK(answers->pulled.size() == 3);
    CHECK(answers->repeated == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: a held pull hears at its deadline that there was nothing") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    arrive(4);
    world.advance(14'990ms);
    CHECK_FALSE(answered(1));
    world.advance(60ms);
    REQUIRE(answered(1));
    CHECK(answer(1).answer.status == pull_status::no_new);
    CHECK(answer(1).answer.next == queue_offset{4});
    CHECK(answers->repeated == 0);
    arrive(5);
    CHECK(reads->empty());
}

TEST_CASE_FIXTURE(queue_world, "queue: deadlines of many pulls are kept by one timer each in turn") {
    pull(1, 0, 300);
    answer_read(read_status::empty_queue, 0, 0);
    arrive(0);
    pull(2, 0, 100);
    pull(3, 0, 200);
    world.advance(150ms);
    CHECK(answered(2));
    CHECK_FALSE(answered(3));
    world.advance(100ms);
    CHECK(answered(3));
    CHECK_FALSE(answered(1));
    world.advance(100ms);
    CHECK(answered(1));
}

TEST_CASE_FIXTURE(queue_world, "queue: a filtered pull goes on waiting when only other tags arrive, and keeps its progress") {
    const auto filter = std::make_shared<const storage::record_filter>(storage::record_filter{{1}});
    pull(1, 4, 1'000, filter);
    answer_read(read_status::at_end, 4, 4);
    arrive(6);
    answer_read(read_status::no_match, 6, 6);
    CHECK_FALSE(answered(1));
    world.advance(1'100ms);
    REQUIRE(answered(1));
    CHECK(answer(1).answer.status == pull_status::no_match);
    CHECK(answer(1).answer.next == queue_offset{6});
}

TEST_CASE_FIXTURE(queue_world, "queue: a first pull that finds only other tags is sent on at once") {
    pull(1, 0, 15'000, std::make_shared<const storage::record_filter>(storage::record_filter{{1}}));
    answer_read(read_status::no_match, 800, 2000);
    CHECK(answer(1).answer.status == pull_status::no_match);
    CHECK(answer(1).answer.next == queue_offset{800});
}

TEST_CASE_FIXTURE(queue_world, "queue: an offset outside the bounds is moved") {
    pull(1, 4, 15'000);
    answer_read(read_status::offset_too_small, 7, 9);
    CHECK(answer(1).answer.status == pull_status::offset_moved);
    CHECK(answer(1).answer.next == queue_offset{7});
}

TEST_CASE_FIXTURE(queue_world, "queue: an abandoned pull is forgotten, held or being read") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    pull(2, 0, 15'000);
    caf::anon_send(queue, pull_abandoned{{1, 2}, holder, {}});
    world.run();
    CHECK(hold_admission->under_way() == 0);
    answer_read(read_status::found, 4, 4, "r");
    arrive(5);
    world.advance(16s, 100ms);
    CHECK(answers->pulled.empty());
}

TEST_CASE_FIXTURE(queue_world, "queue: beyond the bound of held pulls the answer is busy") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    arrive(4);
    pull(2, 4, 15'000);
    pull(3, 4, 15'000);
    pull(4, 4, 15'000);
    REQUIRE(answered(4));
    CHECK(answer(4).failure.code == errc::busy);
    CHECK(metrics->pulls_held == 3);
}

TEST_CASE_FIXTURE(queue_world, "queue: beyond the bound of reads the answer is busy") {
    REQUIRE(read_admission->try_acquire(100));
    pull(1, 4, 0);
    CHECK(answer(1).failure.code == errc::busy);
}

TEST_CASE_FIXTURE(queue_world, "queue: a connection that asks for much at once waits for itself, not others for it") {
    for (std::uint64_t ticket = 1; ticket <= 7; ++ticket)
        pull_by(100, ticket, static_cast<std::int64_t>(ticket));
    REQUIRE(reads->size() == 4); // reads_max
    CHECK(metrics->pulls_held == 3);
    pull_by(200, 8, 8); // hold_admission is used up
    REQUIRE(answered(8));
    CHECK(answer(8).failure.code == errc::busy);
    answer_read(read_status::found, 2, 50, "1");
    CHECK(answer(1).answer.status == pull_status::found);
    CHECK(reads->back().from == queue_offset{5});
    pull_by(200, 9, 9);
    answer_read(read_status::found, 3, 50, "2");
    CHECK(reads->back().from == queue_offset{9}); // before the 6 and the 7 that came earlier
    while (!reads->empty())
        answer_read(read_status::found, 20, 50, "x");
    CHECK(answers->pulled.size() == 9);
    CHECK(answers->repeated == 0);
    CHECK(hold_admission->under_way() == 0);
    CHECK(metrics->pulls_held == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: a held pull that reads again does not overtake those who wait for their turn") {
    for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) {
        pull(ticket, 4, 15'000, std::make_shared<const storage::record_filter>());
        answer_read(read_status::at_end, 4, 4);
    }
    arrive(5);
    pull_by(9, 4, 0);
    REQUIRE(reads->size() == 4); // reads_max
    pull_by(9, 5, 1);
    REQUIRE(reads->size() == 4);
    arrive(6);
    answer_read(read_status::no_match, 5, 5); // there is more by now
    REQUIRE(reads->size() == 4);
    CHECK(reads->back().from == queue_offset{1});
    while (!reads->empty())
        answer_read(read_status::found, 6, 6, "x");
    CHECK(answers->pulled.size() == 5);
    CHECK(hold_admission->under_way() == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: pulls that wait for a read of the same records share it") {
    for (std::uint64_t ticket = 1; ticket <= 4; ++ticket)
        pull_by(ticket, ticket, static_cast<std::int64_t>(ticket));
    for (std::uint64_t ticket = 5; ticket <= 7; ++ticket)
        pull_by(ticket, ticket, 30);
    answer_read(read_status::found, 2, 50, "1");
    while (reads->size() > 1)
        answer_read(read_status::found, 20, 50, "x");
    answer_read(read_status::found, 31, 50, "thirty");
    CHECK(reads->empty());
    for (std::uint64_t ticket = 5; ticket <= 7; ++ticket)
        CHECK(answer(ticket).answer.records.view() == "thirty");
}

TEST_CASE_FIXTURE(queue_world,
                  "queue: a pull that waits for a read is busy at its deadline, forgotten when abandoned, answered at the end") {
    for (std::uint64_t ticket = 1; ticket <= 6; ++ticket)
        pull_by(1, ticket, static_cast<std::int64_t>(ticket));
    caf::anon_send(queue, pull_abandoned{{5}, holder});
    world.run();
    CHECK(metrics->pulls_held == 1);
    SUBCASE("deadline") {
        world.advance(6s, 100ms);
        CHECK(answer(1).failure.code == errc::timed_out);
        CHECK(answer(6).failure.code == errc::busy);
    }
    SUBCASE("the end of the process") {
        finish order;
        order.process_ends = true;
        caf::anon_send(queue, order);
        world.run();
        CHECK(answer(6).failure.code == errc::shutting_down);
    }
    CHECK_FALSE(answered(5));
    CHECK(answers->repeated == 0);
    CHECK(hold_admission->under_way() == 0);
    CHECK(metrics->pulls_held == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: a failed read is answered with its failure") {
    pull(1, 4, 15'000);
    caf::anon_send(queue, records_read{reads->front().read, {errc::io, "disk"}, {}});
    world.run();
    CHECK(answer(1).failure.code == errc::io);
}

TEST_CASE_FIXTURE(queue_world, "queue: a reader that does not answer costs its pulls a deadline") {
    pull(1, 4, 15'000);
    world.advance(6s, 100ms);
    REQUIRE(answered(1));
    CHECK(answer(1).failure.code == errc::timed_out);
    answer_read(read_status::found, 5, 5, "late");
    CHECK(answers->repeated == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: at the end of the process everything held or being read hears so") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    pull(2, 0, 15'000);
    caf::anon_send(queue, finish{});
    world.run();
    CHECK(answer(1).failure.code == errc::shutting_down);
    CHECK(answer(2).failure.code == errc::shutting_down);
    CHECK(hold_admission->under_way() == 0);
    CHECK(metrics->queue_actors == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: one that ends for idleness answers a late pull, whose consumer pulls again") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    caf::anon_send(queue, finish{false});
    world.run();
    CHECK(answer(1).failure.code == errc::none);
    CHECK(answer(1).answer.status == pull_status::no_new);
}

TEST_CASE_FIXTURE(queue_world, "queue: it reports idleness, but not while it holds a pull") {
    world.advance(31s, 1s);
    CHECK(*idle == 1);
    pull(1, 4, 30'000);
    answer_read(read_status::at_end, 4, 4);
    world.advance(29s, 1s);
    CHECK(*idle == 1);
    world.advance(70s, 1s);
    CHECK(answered(1));
    CHECK(*idle >= 2);
}

TEST_CASE_FIXTURE(queue_world, "queue: when its owner dies everything is answered and the queue is gone") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    pull(2, 0, 15'000); // being read
    CHECK(hold_admission->under_way() == 1);
    caf::anon_send_exit(owner, caf::exit_reason::kill);
    world.run();
    REQUIRE(answered(1));
    REQUIRE(answered(2));
    CHECK(answer(1).failure.code == errc::shutting_down);
    CHECK(answer(2).failure.code == errc::shutting_down);
    CHECK(hold_admission->under_way() == 0);
    CHECK(metrics->pulls_held == 0);
    CHECK(metrics->queue_actors == 0);
}

TEST_CASE_FIXTURE(queue_world, "queue: one that dies answers its pulls and gives back what they took") {
    pull(1, 4, 15'000);
    answer_read(read_status::at_end, 4, 4);
    pull(2, 0, 15'000); // being read
    caf::anon_send_exit(queue, caf::exit_reason::kill);
    world.run();
    REQUIRE(answered(1));
    REQUIRE(answered(2));
    CHECK(answer(1).failure.code == errc::internal);
    CHECK(answer(2).failure.code == errc::internal);
    CHECK(answers->repeated == 0);
    CHECK(hold_admission->under_way() == 0);
    CHECK(metrics->pulls_held == 0);
    CHECK(metrics->queue_actors == 0);
}
