#include "actors/log/log_writer.hpp"

#include "actors/broker/send_encoder.hpp"
#include "actors/log/log_flusher.hpp"
#include "protocol/message_codec.hpp"
#include "tests/actors/virtual_system.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

constexpr std::size_t fresh_room_bytes = 16 << 10;

/// A log writer on a disk in memory, and somebody who waits for tickets.
struct writer_world {
    virtual_system world;
    std::shared_ptr<fault_file_system> files = fault_file_system::make(1);
    std::shared_ptr<storage::message_store> store;
    std::shared_ptr<admission> bytes = std::make_shared<admission>(1 << 20);
    std::shared_ptr<broker_metrics> metrics = std::make_shared<broker_metrics>();
    std::shared_ptr<recorded_tickets> answers = std::make_shared<recorded_tickets>();
    ticket_holder_actor holder = spawn_recorder(world.system(), answers);
    log_writer_actor writer;
    log_flusher_actor flusher;

    std::uint64_t retention_bytes = 0;

    void start(storage::flush_mode flush = storage::flush_mode::sync, std::size_t batch_bytes_max = 1 << 20) {
        storage::store_options options;
        options.directory = "/store";
        options.segment_bytes = 1 << 20;
        options.disk_reserve_bytes = 0;
        options.flush = flush;
        options.retention_bytes = retention_bytes;
        auto opened = storage::message_store::open(files, options);
        if (!opened)
            FAIL(to_string(opened.failure()));
        store = std::move(*opened);
        log_writer_options writer_options;
        writer_options.store = store;
        writer_options.append_admission = bytes;
        writer_options.metrics = metrics;
        writer_options.now = world.wall_clock();
        writer_options.batch_bytes_max = batch_bytes_max;
        if (flush == storage::flush_mode::async)
            flusher = spawn_log_flusher(world.system(), {store, 500ms});
        writer_options.flusher = flusher;
        writer_options.flush_nudge_bytes = 1'000;
        writer_options.fresh_room_bytes = fresh_room_bytes;
        writer = spawn_log_writer(world.system(), writer_options);
        world.run();
    }
    ~writer_world() { finish_writer(); }

    void finish_writer() {
        caf::anon_send(writer, finish{});
        world.run();
        if (flusher)
            caf::anon_send(flusher, finish{});
        world.run();
    }
    static storage::unplaced_records record(const std::string& body, std::int32_t queue = 0) {
        protocol::message message;
        message.topic = "orders";
        message.queue = queue_id{queue};
        message.body = payload{body};
        return {{"orders", queue_id{queue}}, *protocol::encode_record(message), 1};
    }
    /// Queues the order without running anything.
    void append(std::uint64_t ticket, const std::string& body, std::int32_t queue = 0) {
        append_records work;
        work.entries.push_back({ticket, record(body, queue)});
        REQUIRE(bytes->try_acquire(work.entries.back().records.bytes.size()));
        work.reply_to = holder;
        caf::anon_send(writer, std::move(work));
    }
    errc code(std::uint64_t ticket) {
        REQUIRE(answers->appended.contains(ticket));
        return answers->appended.at(ticket).failure.code;
    }
    [[nodiscard]] std::uint64_t syncs() const { return store->stats().syncs; }
};

std::uint64_t count(const broker_metrics::counter& counter) {
    return counter.load();
}

} // namespace

TEST_CASE_FIXTURE(writer_world, "log_writer: what waits together is written, synced and answered together") {
    start();
    const auto syncs_before = syncs();
    for (std::uint64_t ticket = 1; ticket <= 20; ++ticket)
        append(ticket, "body " + std::to_string(ticket));
    world.run();
    REQUIRE(answers->appended.size() == 20);
    CHECK(answers->append_messages == 1);
    CHECK(count(metrics->commits) == 1);
    CHECK(syncs() == syncs_before + 1);
    for (std::uint64_t ticket = 1; ticket <= 20; ++ticket) {
        CHECK(code(ticket) == errc::none);
        CHECK(answers->appended.at(ticket).placed.first == queue_offset{static_cast<std::int64_t>(ticket) - 1});
    }
    CHECK(bytes->under_way() == 0);
    CHECK(count(metrics->put_messages) == 20);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: each holder gets one message per commit with its own tickets") {
    start();
    const auto others = std::make_shared<recorded_tickets>();
    const auto other = spawn_recorder(world.system(), others);
    append(1, "a");
    append_records work;
    work.entries.push_back({1, record("b")});
    work.entries.push_back({2, record("c", 1)});
    work.reply_to = other;
    REQUIRE(bytes->try_acquire(work.entries[0].records.bytes.size() + work.entries[1].records.bytes.size()));
    caf::anon_send(writer, std::move(work));
    append(3, "d");
    world.run();
    CHECK(answers->append_messages == 1);
    CHECK(others->append_messages == 1);
    CHECK(answers->appended.size() == 2);
    REQUIRE(others->appended.size() == 2);
    CHECK(others->appended.at(2).placed.first == queue_offset{0}); // a queue of its own
}

TEST_CASE_FIXTURE(writer_world, "log_writer: a batch does not grow beyond its bound") {
    start(storage::flush_mode::sync, 1'000);
    for (std::uint64_t ticket = 1; ticket <= 10; ++ticket)
        append(ticket, std::string(400, 'x'));
    world.run();
    CHECK(answers->appended.size() == 10);
    CHECK(count(metrics->commits) >= 4);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: nothing is answered before it is durable") {
    start();
    bool answered_early = false;
    int syncs_seen = 0;
    files->set_hook([&](const call_info& call) -> std::optional<call_fault> {
        if (call.kind == call_kind::sync) {
            ++syncs_seen;
            answered_early = answered_early || !answers->appended.empty();
        }
        return std::nullopt;
    });
    append(1, "a");
    world.run();
    CHECK(syncs_seen > 0);
    CHECK_FALSE(answered_early);
    CHECK(code(1) == errc::none);
    files->set_hook(nullptr);
    CHECK(store->stats().log_durable >= answers->appended.at(1).placed.end);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: after a failed sync each ticket fails, the later ones at once") {
    start();
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::sync ? std::optional{call_fault::io} : std::nullopt;
    });
    append(1, "a");
    append(2, "b");
    world.run();
    CHECK(code(1) != errc::none);
    CHECK(code(2) != errc::none);
    files->set_hook(nullptr);
    append(3, "c");
    world.run();
    CHECK(code(3) == errc::store_read_only);
    CHECK(bytes->under_way() == 0);
    CHECK(count(metrics->put_messages) >= 0);
    CHECK(count(metrics->put_failures) == 3);
    const auto read = store->read({"orders", queue_id{0}}, queue_offset{0}, {}, {});
    REQUIRE(read);
    CHECK(read->count == 0);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: a full disk refuses at once, and writing resumes by itself when there is room") {
    start();
    append(1, "a");
    world.run();
    CHECK(code(1) == errc::none);
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::write || call.kind == call_kind::allocate ? std::optional{call_fault::disk_full} : std::nullopt;
    });
    append(2, "b");
    world.run();
    CHECK(code(2) == errc::disk_full);
    append(3, "c");
    world.run();
    CHECK(code(3) == errc::disk_full);
    files->set_hook(nullptr);
    world.advance(1'500ms, 100ms);
    append(4, "d");
    world.run();
    CHECK(code(4) == errc::none);
    CHECK(answers->appended.at(4).placed.first == queue_offset{1});
    CHECK(bytes->under_way() == 0);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: a disk that others fill over its watermark refuses within a probe interval") {
    files->set_capacity(64u << 20);
    start();
    append(1, "a");
    world.run();
    CHECK(code(1) == errc::none);
    files->put("/others", std::string(63u << 20, 'x'));
    world.advance(1'100ms, 100ms);
    append(2, "b"); // the preallocated segment has room, but what is free belongs to the machine
    world.run();
    CHECK(code(2) == errc::disk_full);
    files->put("/others", "");
    world.advance(1'100ms, 100ms);
    append(3, "c");
    world.run();
    CHECK(code(3) == errc::none);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: once idle it states how far the log is durable, once") {
    start();
    append(1, "a");
    world.run();
    CHECK(store->stats().log_end == answers->appended.at(1).placed.end);
    world.advance(2'500ms, 100ms);
    const auto sealed = store->stats().log_end;
    CHECK(sealed > answers->appended.at(1).placed.end);
    CHECK(store->stats().log_durable == sealed);
    world.advance(10'000ms, 100ms);
    CHECK(store->stats().log_end == sealed);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: in flush mode async the answer does not wait for the sync, which follows") {
    start(storage::flush_mode::async);
    const auto syncs_before = syncs();
    append(1, "a");
    world.run();
    CHECK(code(1) == errc::none);
    CHECK(syncs() == syncs_before);
    CHECK(store->stats().log_durable < answers->appended.at(1).placed.end);
    world.advance(600ms);
    CHECK(store->stats().log_durable >= answers->appended.at(1).placed.end);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: in flush mode async much that is written is synced before the interval is over") {
    start(storage::flush_mode::async);
    append(1, std::string(2'000, 'x'));
    world.run();
    CHECK(store->stats().log_durable >= answers->appended.at(1).placed.end);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: in flush mode async nothing is acknowledged after a sync that failed") {
    start(storage::flush_mode::async);
    append(1, "a");
    world.run();
    CHECK(code(1) == errc::none);
    files->set_hook([](const call_info& call) { return call.kind == call_kind::sync ? std::optional{call_fault::io} : std::nullopt; });
    world.advance(600ms);
    files->set_hook(nullptr);
    append(2, "b");
    world.run();
    CHECK(code(2) == errc::store_read_only);
    CHECK(store->state() == storage::store_state::read_only);
    world.advance(2'000ms, 100ms); // the disk's room is looked at; a store that is read-only stays so
    append(3, "c");
    world.run();
    CHECK(code(3) == errc::store_read_only);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: a watcher hears the bounds at once and after every commit of its queue") {
    start();
    const auto heard = std::make_shared<std::vector<std::int64_t>>();
    const auto watcher = world.system().spawn([heard](queue_actor::pointer) -> queue_actor::behavior_type {
        return {[](const pull_from_queue&) {},
                [](const pull_abandoned&) {},
                [heard](const records_arrived& event) { heard->push_back(event.bounds.max.value()); },
                [](const records_read&) {},
                [](hold_tick) {},
                [](const finish&) {}};
    });
    append(1, "a");
    world.run();
    caf::anon_send(writer, watch_queue{{"orders", queue_id{0}}, watcher});
    world.run();
    CHECK(*heard == std::vector<std::int64_t>{1});
    append(2, "b");
    append(3, "c");
    append(4, "another queue", 1);
    world.run();
    CHECK(*heard == std::vector<std::int64_t>{1, 3});
    caf::anon_send(writer, unwatch_queue{{"orders", queue_id{0}}, watcher});
    append(5, "d");
    world.run();
    CHECK(heard->size() == 2);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: with the news of its queue a watcher gets the records as they are in the log") {
    start();
    const auto heard = std::make_shared<std::vector<records_arrived>>();
    const auto watcher = world.system().spawn([heard](queue_actor::pointer) -> queue_actor::behavior_type {
        return {[](const pull_from_queue&) {},
                [](const pull_abandoned&) {},
                [heard](const records_arrived& event) { heard->push_back(event); },
                [](const records_read&) {},
                [](hold_tick) {},
                [](const finish&) {}};
    });
    append(1, "before");
    world.run();
    const topic_queue queue{"orders", queue_id{0}};
    caf::anon_send(writer, watch_queue{queue, watcher});
    append(2, "b");
    append(3, "another queue", 1);
    append(4, "c");
    world.run();
    REQUIRE(heard->size() == 2);
    CHECK(heard->front().fresh.count == 0);
    const auto& fresh = heard->back().fresh;
    CHECK(fresh.first == queue_offset{1});
    CHECK(fresh.count == 2);
    const auto read = store->read(queue, queue_offset{1}, {}, {});
    REQUIRE(read.ok());
    CHECK(fresh.records == read->records);

    SUBCASE("much of it is left to readers") {
        append(5, std::string(64 << 10, 'x'));
        world.run();
        CHECK(heard->back().bounds.max == queue_offset{4});
        CHECK(heard->back().fresh.count == 0);
    }
    SUBCASE("a slow watcher keeps a bounded amount of them, and reads the rest") {
        for (std::uint64_t ticket = 5; heard->back().fresh.count != 0 && ticket < 100; ++ticket) {
            append(ticket, std::string(1 << 10, 'x'));
            world.run();
        }
        CHECK(heard->back().fresh.count == 0);
        std::size_t kept = 0;
        for (const auto& event : *heard)
            kept += event.fresh.records.size();
        CHECK(kept <= fresh_room_bytes);
        heard->clear();
        append(100, "small");
        world.run();
        REQUIRE(heard->size() == 1);
        CHECK(heard->front().fresh.count == 1);
    }
    SUBCASE("what could not be made durable does not come along") {
        files->set_hook([](const call_info& call) -> std::optional<call_fault> {
            return call.kind == call_kind::sync ? std::optional{call_fault::io} : std::nullopt;
        });
        append(5, "lost");
        world.run();
        CHECK(code(5) != errc::none);
        CHECK(heard->back().bounds.max == queue_offset{3});
        REQUIRE(heard->size() == 3);
        CHECK(heard->back().fresh.count == 0);
        files->set_hook(nullptr);
    }
    caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
    world.run();
}

TEST_CASE_FIXTURE(writer_world, "log_writer: a watcher hears of its queue again after a group commit that failed") {
    start();
    const auto heard = std::make_shared<std::vector<std::int64_t>>();
    const auto watcher = world.system().spawn([heard](queue_actor::pointer) -> queue_actor::behavior_type {
        return {[](const pull_from_queue&) {},
                [](const pull_abandoned&) {},
                [heard](const records_arrived& event) { heard->push_back(event.bounds.max.value()); },
                [](const records_read&) {},
                [](hold_tick) {},
                [](const finish&) {}};
    });
    caf::anon_send(writer, watch_queue{{"orders", queue_id{0}}, watcher});
    world.run();
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::write || call.kind == call_kind::allocate ? std::optional{call_fault::disk_full} : std::nullopt;
    });
    append(1, "a");
    world.run();
    CHECK(code(1) == errc::disk_full);
    files->set_hook(nullptr);
    world.advance(2'000ms, 100ms);
    append(2, "b");
    append(3, "c");
    world.run();
    CHECK(code(2) == errc::none);
    CHECK(*heard == std::vector<std::int64_t>{0, 2});
}

TEST_CASE_FIXTURE(writer_world, "log_writer: a watcher that comes between a record and its commit hears of the record") {
    start();
    const auto heard = std::make_shared<std::vector<std::int64_t>>();
    const auto watcher = world.system().spawn([heard](queue_actor::pointer) -> queue_actor::behavior_type {
        return {
            [](const pull_from_queue&) {},
            [](const pull_abandoned&) {},
            [heard](const records_arrived& event) { heard->push_back(event.bounds.max.value()); },
            [](const records_read&) {},
            [](hold_tick) {},
            [](finish) {},
        };
    });
    append(1, "collected, not yet written");
    caf::anon_send(writer, watch_queue{{"orders", queue_id{0}}, watcher}); // before the write tick, which waits behind it
    world.run();
    CHECK(*heard == std::vector<std::int64_t>{0, 1});
    caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
    world.run();
}

TEST_CASE_FIXTURE(writer_world, "log_writer: finish writes, syncs and answers what is collected") {
    start(storage::flush_mode::async);
    append(1, "a");
    finish_writer();
    CHECK(code(1) == errc::none);
    CHECK(store->stats().log_durable >= answers->appended.at(1).placed.end);
}

TEST_CASE_FIXTURE(writer_world, "log_writer: a dropped topic starts again at offset 0") {
    start();
    append(1, "a");
    append(2, "b");
    const auto dropped = world.ask<topic_index_dropped>(writer, drop_topic_index{"orders"});
    REQUIRE(dropped->has_value());
    CHECK((*dropped)->ok());
    append(3, "c");
    world.run();
    CHECK(answers->appended.at(3).placed.first == queue_offset{0});
}

TEST_CASE_FIXTURE(writer_world, "log_writer: retention takes one segment at a time, with a pause for what is to be written") {
    retention_bytes = 1;
    start();
    const auto segments = [this] { return store->stats().segments; };
    protocol::message message;
    message.topic = "orders";
    message.body = payload{std::string(900'000, 'x')};
    while (segments() < 7)
        REQUIRE(store->append({{{"orders", queue_id{0}}, *protocol::encode_record(message), 1}}, world.wall_clock()()));
    world.advance(9'990ms, 10ms);
    CHECK(segments() == 7);
    world.advance(10ms);
    CHECK(segments() == 6);
    world.advance(19ms, 1ms);
    CHECK(segments() == 6);
    world.advance(1ms);
    CHECK(segments() == 5);
    caf::anon_send(writer, retain_tick{}); // of somebody else: one more, and no second series
    world.run();
    CHECK(segments() == 4);
    world.advance(20ms, 1ms);
    CHECK(segments() == 3);
    world.advance(40ms, 1ms);
    CHECK(segments() == 1);
    world.advance(10s, 10ms); // and the next round is in its time
    while (segments() < 3)
        REQUIRE(store->append({{{"orders", queue_id{0}}, *protocol::encode_record(message), 1}}, world.wall_clock()()));
    world.advance(9s, 10ms);
    CHECK(segments() == 3);
    world.advance(1s, 10ms);
    CHECK(segments() == 1);
}
