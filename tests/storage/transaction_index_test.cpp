#include "storage/directories.hpp"
#include "storage/index_rows.hpp"
#include "storage/rocksdb_file_system.hpp"
#include "storage/rocksdb_support.hpp"
#include "tests/storage/transaction_fixture.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

std::vector<log_position> pending_of(const message_store& store) {
    std::vector<log_position> all;
    for (const auto& one : store.list_pending(log_position{0}, 1'000))
        all.push_back(one.position);
    CHECK(store.pending_count() == all.size());
    return all;
}

} // namespace

TEST_CASE("transactions: a half message is pending until there is an outcome, of any kind") {
    auto store = open_store(fault_file_system::make(1));
    const auto first = append_one(*store, half_message("first"), 5);
    const auto second = append_one(*store, half_message("second"), 6);
    const auto third = append_one(*store, half_message("third"), 7);
    const auto row = store->pending(second.position);
    REQUIRE(row);
    CHECK(row->offset == queue_offset{1});
    CHECK(row->stored == timestamp_ms{6});
    CHECK(row->bytes == static_cast<std::int32_t>(half_message("second").bytes.size()));
    CHECK(row->checks == 0);
    CHECK(pending_of(*store) == std::vector{first.position, second.position, third.position});
    append_one(*store, outcome(orders0, second.position, "second"));
    CHECK_FALSE(store->pending(second.position));
    append_one(*store, outcome(operations, first.position, "first"));
    CHECK(pending_of(*store) == std::vector{third.position});
    append_one(*store, outcome(given_up, third.position, "third"));
    CHECK(pending_of(*store).empty());
    CHECK(all_bodies(*store, orders0) == std::vector<std::string>{"second"});
}

TEST_CASE("transactions: a question is no outcome; it is counted") {
    auto store = open_store(fault_file_system::make(1));
    const auto half = append_one(*store, half_message("first"), 5);
    append_one(*store, question(half.position, 1), 10);
    append_one(*store, question(half.position, 2), 20);
    const auto row = store->pending(half.position);
    REQUIRE(row);
    CHECK(row->checks == 2);
    CHECK(row->asked == timestamp_ms{20});
    CHECK(row->stored == timestamp_ms{5});
}

TEST_CASE("transactions: a question or an outcome that comes after the outcome, or without its half message, changes nothing") {
    auto store = open_store(fault_file_system::make(1));
    const auto half = append_one(*store, half_message("first"));
    append_one(*store, outcome(operations, half.position, "first"));
    append_one(*store, question(half.position, 1));
    append_one(*store, outcome(operations, half.position, "first"));
    append_one(*store, outcome(operations, log_position{123'456'789}, "of nobody"));
    CHECK(pending_of(*store).empty());
}

TEST_CASE("transactions: a given-up one is resumed once, and begins anew") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    const auto half = append_one(*store, half_message("first"), 5);
    append_one(*store, question(half.position, 15), 10);
    const auto disposed = append_one(*store, outcome(given_up, half.position, "first"), 20);
    CHECK_FALSE(store->resumed_as(disposed.position));
    const auto resumed = append_one(*store, resumption(disposed.position, "first"), 30);
    const auto row = store->pending(resumed.position);
    REQUIRE(row);
    CHECK(row->checks == 0);
    CHECK(row->stored == timestamp_ms{30});
    const resumed_transaction there{disposed.position, resumed.position, queue_offset{1}};
    CHECK(store->resumed_as(disposed.position) == there);
    CHECK_FALSE(store->pending(half.position)); // its outcome stands
    CHECK_FALSE(store->resumed_as(half.position));
    // Whatever comes later: it is done already.
    append_one(*store, resumption(disposed.position, "again"), 40);
    CHECK(pending_of(*store) == std::vector{resumed.position});
    CHECK(store->resumed_as(disposed.position) == there);
    append_one(*store, outcome(orders0, resumed.position, "first"), 50);
    CHECK(pending_of(*store).empty());
    append_one(*store, resumption(disposed.position, "and again"), 60);
    CHECK(pending_of(*store).empty());
    CHECK(store->resumed_as(disposed.position) == there);

    // Known again: from the log alone, from the index, from a rebuilt one.
    const auto live = store->dump_index().value();
    for (const bool persisted : {false, true}) {
        if (persisted)
            persist_all(*store);
        store.reset();
        store = open_store(files);
        CHECK(store->resumed_as(disposed.position) == there);
        CHECK(pending_of(*store).empty());
        CHECK(store->dump_index().value() == live);
    }
    store.reset();
    REQUIRE(remove_directory_tree(*files, small_store().directory / "index"));
    store = open_store(files);
    CHECK(store->resumed_as(disposed.position) == there);
    CHECK(store->dump_index().value() == live);
}

// An older Troupe takes a half message that goes on with a given-up one for a plain one, writes no row for it, and moves the checkpoint
// past it.
TEST_CASE("transactions: an index of another version is rebuilt, and knows again what was resumed") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    const auto half = append_one(*store, half_message("first"));
    const auto disposed = append_one(*store, outcome(given_up, half.position, "first"));
    const auto resumed = append_one(*store, resumption(disposed.position, "first"));
    persist_all(*store);
    const auto live = store->dump_index().value();
    for (const std::string version : {"troupe index 1", "troupe index 3"}) {
        CAPTURE(version);
        store.reset();
        {
            const auto env = make_rocksdb_env(files, manifest_notes::off);
            rocksdb::DB* opened = nullptr;
            const auto path = (small_store().directory / "index").string();
            REQUIRE(rocksdb::DB::Open(small_database_options(env.get(), 1u << 20), path, &opened).ok());
            const std::unique_ptr<rocksdb::DB> database{opened};
            std::string value;
            REQUIRE(database->Get({}, slice_of(format_key), &value).ok());
            CHECK(value == "troupe index 2");
            REQUIRE(database->Get({}, resumed_key(disposed.position), &value).ok());
            REQUIRE(database->Delete({}, resumed_key(disposed.position)).ok());
            REQUIRE(database->Put({}, slice_of(format_key), version).ok());
            REQUIRE(database->Flush({}).ok());
        }
        store = open_store(files);
        CHECK(store->resumed_as(disposed.position) == resumed_transaction{disposed.position, resumed.position, queue_offset{1}});
        CHECK(store->dump_index().value() == live);
        persist_all(*store);
    }
}

TEST_CASE("transactions: what was resumed is forgotten with the given-up record, and the half message is not") {
    auto options = small_store();
    options.segment_bytes = 8u << 10;
    options.retention_bytes = 16u << 10;
    const auto files = fault_file_system::make(1);
    auto store = open_store(files, options);
    const auto half = append_one(*store, half_message("old"));
    const auto disposed = append_one(*store, outcome(given_up, half.position, "old"));
    for (int i = 0; i < 60; ++i)
        put(*store, orders0, std::string(1'000, 'x'));
    const auto resumed = append_one(*store, resumption(disposed.position, "old"));
    persist_all(*store);
    REQUIRE(store->retain(timestamp_ms{2'000}).value() > 0);
    for (int restart = 0; restart < 2; ++restart) {
        CHECK_FALSE(store->resumed_as(disposed.position));
        CHECK(pending_of(*store) == std::vector{resumed.position});
        store.reset();
        store = open_store(files, options);
    }
}

TEST_CASE("transactions: in sync mode a half message is listed only after the flush") {
    auto store = open_store(fault_file_system::make(1));
    REQUIRE(store->append(group_of(half_message("first")), timestamp_ms{1}).ok());
    CHECK(store->list_pending(log_position{0}, 10).empty());
    CHECK(store->pending_count() == 1);
    REQUIRE(store->flush().ok());
    CHECK(pending_of(*store).size() == 1);
}

TEST_CASE("transactions: what is pending is listed in parts") {
    auto store = open_store(fault_file_system::make(1));
    std::vector<log_position> placed;
    for (int i = 0; i < 10; ++i)
        placed.push_back(append_one(*store, half_message(std::to_string(i))).position);
    const auto part = store->list_pending(placed[3], 3);
    REQUIRE(part.size() == 3);
    CHECK(part[0].position == placed[4]);
    CHECK(part[2].position == placed[6]);
}

TEST_CASE("transactions: a restart knows what is pending, from the index, from the log, and from both") {
    for (const bool rebuild : {false, true})
        for (const int persist_after : {0, 1, 2, 3, 4}) {
            CAPTURE(rebuild);
            CAPTURE(persist_after);
            const auto files = fault_file_system::make(1);
            std::vector<pending_transaction> expected;
            std::string live;
            {
                auto store = open_store(files);
                const auto persist_at = [&](int step) {
                    if (step == persist_after)
                        persist_all(*store);
                };
                const auto kept = append_one(*store, half_message("kept"), 5);
                persist_at(0);
                const auto ended = append_one(*store, half_message("ended"), 6);
                persist_at(1);
                append_one(*store, question(kept.position, 1), 7);
                persist_at(2);
                append_one(*store, outcome(orders0, ended.position, "ended"), 8);
                persist_at(3);
                append_one(*store, half_message("new"), 9);
                expected = store->list_pending(log_position{0}, 10);
                REQUIRE(expected.size() == 2);
                CHECK(expected[0].checks == 1);
                live = store->dump_index().value();
                files->crash(crash_mode::drop_unsynced);
            }
            const auto left = files->restart();
            if (rebuild)
                REQUIRE(remove_directory_tree(*left, small_store().directory / "index"));
            auto store = open_store(left);
            CHECK(store->list_pending(log_position{0}, 10) == expected);
            CHECK(store->pending_count() == 2);
            CHECK(store->dump_index().value() == live);
        }
}

TEST_CASE("transactions: many that begin and end leave no row, and the memory for them is given back") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    for (int i = 0; i < 500; ++i) {
        const auto half = append_one(*store, half_message(std::to_string(i)));
        append_one(*store, outcome(orders0, half.position, std::to_string(i)));
        if (i % 50 == 49)
            persist_all(*store);
    }
    persist_all(*store);
    CHECK(pending_of(*store).empty());
    store.reset();
    CHECK(pending_of(*open_store(files)).empty());
}

TEST_CASE("transactions: retention takes half messages with their segment, and says how many") {
    auto options = small_store();
    options.segment_bytes = 8u << 10;
    options.retention_bytes = 16u << 10;
    std::vector<std::string> events;
    options.on_event = [&events](store_event event, const std::string& text) {
        if (event == store_event::segment_removed)
            events.push_back(text);
    };
    const auto files = fault_file_system::make(1);
    auto store = open_store(files, options);
    append_one(*store, half_message("old"));
    append_one(*store, half_message("old too"));
    for (int i = 0; i < 60; ++i)
        put(*store, orders0, std::string(1'000, 'x'));
    const auto young = append_one(*store, half_message("young"));
    persist_all(*store);
    REQUIRE(store->retain(timestamp_ms{2'000}).value() > 0);
    CHECK(pending_of(*store) == std::vector{young.position});
    CHECK(store->stats().transactions_lost == 2);
    CHECK(store->stats().transactions_pending == 1);
    REQUIRE(events.size() == 1);
    CHECK(events[0].find("2 transactions without an outcome went with them") != std::string::npos);
    store.reset();
    CHECK(pending_of(*open_store(files, options)) == std::vector{young.position});
}

TEST_CASE("index rows: a pending transaction survives a round trip, and nothing else is read as one") {
    pending_transaction row;
    row.position = log_position{0x1234};
    row.offset = queue_offset{77};
    row.bytes = 1111;
    row.stored = timestamp_ms{1'700'000'000'000};
    row.checks = 3;
    row.asked = timestamp_ms{1'700'000'030'000};
    const auto key = transaction_key(row.position);
    const auto value = encode_transaction(row);
    CHECK(decode_transaction(key, value) == row);
    CHECK(value.size() == 32);
    CHECK_FALSE(decode_transaction(key, value.substr(1)));
    CHECK_FALSE(decode_transaction(key.substr(1), value));
    CHECK_FALSE(decode_transaction("k" + key.substr(1), value));
}

TEST_CASE("index rows: a resumed transaction survives a round trip, and nothing else is read as one") {
    const auto key = resumed_key(log_position{0x1234});
    const resumed_transaction row{log_position{0x1234}, log_position{0x5678}, queue_offset{77}};
    const auto value = encode_resumed(row);
    CHECK(key == std::string("r\0\0\0\0\0\0\x12\x34", 9));
    CHECK(value == std::string("\0\0\0\0\0\0\x56\x78\0\0\0\0\0\0\0\x4d", 16));
    CHECK(decode_resumed(key, value) == row);
    CHECK_FALSE(decode_resumed(key, value.substr(1)));
    CHECK_FALSE(decode_resumed(key.substr(1), value));
    CHECK_FALSE(decode_resumed("t" + key.substr(1), value));
}
