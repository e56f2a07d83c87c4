#include "storage/message_store.hpp"

#include "tests/storage/store_fixture.hpp"

#include <algorithm>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

TEST_CASE("message_store: a full disk refuses appends, keeps reading and syncing, and lets go when there is room") {
    const auto files = fault_file_system::make(1);
    std::vector<store_event> events;
    auto options = small_store();
    options.on_event = [&](store_event event, const std::string& /*text*/) { events.push_back(event); };
    auto store = open_store(files, options);
    put(*store, orders0, "before");
    files->set_capacity(0);
    std::int64_t stored = 1;
    result<std::vector<placed_records>> outcome = error{};
    // What was preallocated may still be used.
    while ((outcome = store->append(group_of(one(orders0, std::string(1000, 'x'))), timestamp_ms{1}))) {
        REQUIRE(++stored < 1000);
    }
    CHECK(outcome.code() == errc::disk_full);
    CHECK(store->state() == store_state::disk_full);
    CHECK_FALSE(store->stats().state_reason.empty());
    CHECK(store->flush().ok());
    CHECK(all_bodies(*store, orders0).size() == static_cast<std::size_t>(stored));
    CHECK(store->append(group_of(one(orders0, "no")), timestamp_ms{1}).code() == errc::disk_full);
    CHECK(store->forget_topic("orders").code() == errc::disk_full);

    files->set_capacity(std::nullopt);
    store->probe_disk();
    CHECK(store->state() == store_state::open);
    CHECK(put(*store, orders0, "after").first == queue_offset{stored});
    CHECK(std::count(events.begin(), events.end(), store_event::disk_full) == 1);
    CHECK(std::count(events.begin(), events.end(), store_event::disk_room) == 1);
    store.reset();
    CHECK(all_bodies(*open_store(files), orders0).size() == static_cast<std::size_t>(stored + 1));
}

TEST_CASE("message_store: the reserve and the full ratio refuse appends before the disk itself does") {
    const auto files = fault_file_system::make(1);
    auto options = small_store();
    SUBCASE("reserve") {
        options.disk_reserve_bytes = 1ull << 30;
    }
    SUBCASE("ratio") {
        options.disk_full_ratio = 0.00001;
    }
    auto store = open_store(files, options);
    files->set_capacity(64u << 20);
    store->probe_disk();
    CHECK(store->append(group_of(one(orders0, "no")), timestamp_ms{1}).code() == errc::disk_full);
}

TEST_CASE("message_store: without room for a segment it stays full, and says so once, until there is room for one") {
    const auto files = fault_file_system::make(1);
    int fulls = 0;
    auto options = small_store();
    options.on_event = [&](store_event event, const std::string&) { fulls += event == store_event::disk_full ? 1 : 0; };
    auto store = open_store(files, options);
    files->set_capacity(700'000); // room for the index, and for less than a segment beside the others
    files->put("/others", std::string(700'000 - 64'000 - 60'000, 'x'));
    while (store->append(group_of(one(orders0, std::string(1000, 'x'))), timestamp_ms{1})) {
    }
    CHECK(store->state() == store_state::disk_full);
    for (int i = 0; i < 3; ++i) {
        store->probe_disk();
        CHECK(store->state() == store_state::disk_full);
    }
    CHECK(fulls == 1);
    files->put("/others", "");
    store->probe_disk();
    CHECK(store->state() == store_state::open);
    CHECK(store->append(group_of(one(orders0, std::string(1000, 'x'))), timestamp_ms{1}).ok());
}

TEST_CASE("message_store: after a failed sync nothing is stored any more, reading goes on, a restart recovers") {
    const auto files = fault_file_system::make(1);
    std::vector<std::string> events;
    auto options = small_store();
    options.on_event = [&](store_event event, const std::string& text) {
        if (event == store_event::read_only) {
            events.push_back(text);
        }
    };
    auto store = open_store(files, options);
    put(*store, orders0, "safe");
    REQUIRE(store->append(group_of(one(orders0, "lost")), timestamp_ms{1}).ok());
    bool failed = false;
    files->set_hook([&](const call_info& call) -> std::optional<call_fault> {
        if (call.kind != call_kind::sync || failed) {
            return std::nullopt;
        }
        failed = true;
        return call_fault::io;
    });
    CHECK(store->flush().code() == errc::store_read_only);
    REQUIRE(failed);
    CHECK(store->state() == store_state::read_only);
    CHECK(store->flush().code() == errc::store_read_only);
    CHECK(store->append(group_of(one(orders0, "no")), timestamp_ms{1}).code() == errc::store_read_only);
    store->probe_disk();
    CHECK(store->state() == store_state::read_only);
    CHECK(all_bodies(*store, orders0) == std::vector<std::string>{"safe"});
    persist_all(*store);
    CHECK(all_bodies(*store, orders0) == std::vector<std::string>{"safe"});
    REQUIRE(events.size() == 1);
    CHECK(events[0].find("restart") != std::string::npos);
    store.reset();
    files->crash(crash_mode::drop_unsynced);
    auto again = open_store(files->restart());
    CHECK(all_bodies(*again, orders0) == std::vector<std::string>{"safe"});
    CHECK(again->state() == store_state::open);
}

TEST_CASE("message_store: a topic is not removed half way when the index could not follow") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    put(*store, orders0, "kept");
    const auto end = store->stats().log_end;
    files->set_capacity(64u << 10); // no room for the index, none for a second segment
    CHECK(store->forget_topic("orders").code() == errc::disk_full);
    CHECK(store->stats().log_end == end);
    CHECK(store->state() != store_state::read_only);
    CHECK(all_bodies(*store, orders0) == std::vector<std::string>{"kept"});
}

TEST_CASE("message_store: a search by key says when the disk failed, instead of finding nothing") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    put(*store, {.queue = orders0, .stored_properties = {{"KEYS", "k"}}});
    files->set_plan({.count_reads = true});
    files->set_hook([](const call_info& call) {
        return call.kind == call_kind::read && call.path.find("commitlog") != std::string::npos ? std::optional{call_fault::io}
                                                                                                : std::nullopt;
    });
    CHECK(store->find_by_key("orders", "k", timestamp_ms{0}, timestamp_ms{99999}, 10).code() == errc::io);
    files->set_hook(nullptr);
    CHECK(store->find_by_key("orders", "k", timestamp_ms{0}, timestamp_ms{99999}, 10)->size() == 1);
}

TEST_CASE("message_store: a failed write leaves the store read-only") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    put(*store, orders0, "safe");
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::write ? std::optional{call_fault::short_write} : std::nullopt;
    });
    CHECK(store->append(group_of(one(orders0, "lost")), timestamp_ms{1}).code() == errc::store_read_only);
    files->set_hook(nullptr);
    CHECK(store->append(group_of(one(orders0, "no")), timestamp_ms{1}).code() == errc::store_read_only);
    store.reset();
    CHECK(all_bodies(*open_store(files), orders0) == std::vector<std::string>{"safe"});
}

namespace {

void fail_index_files(fault_file_system& files, call_fault fault) {
    files.set_hook([fault](const call_info& call) -> std::optional<call_fault> {
        const bool is_index = call.path.find("/index/") != std::string::npos;
        return is_index && (call.kind == call_kind::write || call.kind == call_kind::open) ? std::optional{fault} : std::nullopt;
    });
}

} // namespace

TEST_CASE("message_store: while the disk is too full for the index nothing is lost, and it is written later") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 100; ++i) {
            put(*store, orders0, std::to_string(i));
        }
        files->set_capacity(0);
        CHECK(store->persist_index(true).code() == errc::disk_full);
        CHECK(store->persist_index(true).code() == errc::disk_full);
        put(*store, orders0, "more"); // into the preallocated segment
        files->set_capacity(std::nullopt);
        const auto before = all_bodies(*store, orders0).size();
        persist_all(*store);
        CHECK(store->stats().index_persisted == store->stats().log_durable);
        CHECK(all_bodies(*store, orders0).size() == before);
    }
    const auto live = store->dump_index().value();
    store.reset();
    CHECK(open_store(files)->dump_index().value() == live);
}

TEST_CASE("message_store: when the index fails for good, storing goes on while memory lasts, and a restart repairs it") {
    for (const auto fault : all_call_faults) {
        CAPTURE(to_string(fault));
        const auto files = fault_file_system::make(1);
        auto options = small_store();
        options.index_memory_bytes_max = 24 * 150;
        auto store = open_store(files, options);
        for (int i = 0; i < 100; ++i) {
            put(*store, orders0, std::to_string(i));
        }
        fail_index_files(*files, fault);
        CHECK_FALSE(store->persist_index(true).ok());
        files->set_hook(nullptr);
        for (int i = 100; store->append(group_of(one(orders0, std::to_string(i))), timestamp_ms{1}); ++i) {
            REQUIRE(i < 1000);
            REQUIRE(store->flush().ok());
            CHECK_FALSE(store->persist_index(true).ok());
        }
        CHECK(store->state() == store_state::read_only);
        const auto live = store->dump_index().value();
        const auto stored = all_bodies(*store, orders0);
        CHECK(stored.size() > 100);
        store.reset();
        store = open_store(files, options);
        CHECK(all_bodies(*store, orders0) == stored);
        CHECK(store->dump_index().value() == live);
    }
}
