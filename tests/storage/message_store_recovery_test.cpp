#include "storage/message_store.hpp"

#include "tests/storage/store_fixture.hpp"
#include "tests/support/random_seed.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

void remove_index(file_system& files) {
    const auto entries = files.list("/store/index");
    REQUIRE(entries.ok());
    for (const auto& entry : *entries) {
        REQUIRE(files.remove("/store/index/" + entry.name).ok());
    }
}

std::string dump(const message_store& store) {
    auto text = store.dump_index();
    REQUIRE(text.ok());
    return *std::move(text);
}

/// A store with `count` messages over some queues, with tags and keys, persisted now and then.
void fill(message_store& store, int count, std::uint64_t seed) {
    std::mt19937_64 random{seed};
    for (int i = 0; i < count; ++i) {
        const topic_queue queue{random() % 4 == 0 ? "rare" : "orders", queue_id{static_cast<std::int32_t>(random() % 3)}};
        put(store,
            {.queue = queue,
             .body = std::string(random() % 300 + 1, 'b'),
             .stored_properties = {{"TAGS", "t" + std::to_string(random() % 5)}, {"KEYS", "k" + std::to_string(random() % 50)}}},
            1000 + i);
        if (random() % 40 == 0) {
            REQUIRE(store.persist_index(random() % 2 == 0).ok());
        }
    }
}

} // namespace

TEST_CASE("message_store: deleting the index rebuilds it identically") {
    const auto files = fault_file_system::make(1);
    std::string before;
    {
        auto store = open_store(files);
        fill(*store, 700, 11);
        before = dump(*store);
    }
    remove_index(*files);
    auto store = open_store(files);
    CHECK(store->recovered().replayed_records == 700);
    CHECK(dump(*store) == before);
    persist_all(*store);
    CHECK(dump(*store) == before);
}

TEST_CASE("message_store: a restart replays only what the checkpoint does not cover") {
    const auto files = fault_file_system::make(1);
    {
        auto store = open_store(files);
        fill(*store, 300, 12);
        persist_all(*store);
        CHECK(store->stats().index_persisted == store->stats().log_durable);
    }
    {
        auto store = open_store(files);
        CHECK(store->recovered().replayed_records == 0);
        put(*store, orders0, "x");
        files->crash(crash_mode::drop_unsynced);
    }
    const auto after = files->restart();
    auto store = open_store(after);
    CHECK(store->recovered().replayed_records == 1);
    CHECK(all_bodies(*store, orders0).back() == "x");
}

TEST_CASE("message_store: a damaged index is rebuilt, whichever of its bytes are wrong") {
    const auto files = fault_file_system::make(1);
    std::string before;
    {
        auto store = open_store(files);
        fill(*store, 300, 13);
        before = dump(*store);
    }
    const auto entries = files->list("/store/index").value();
    for (const auto& entry : entries) {
        const std::string path = "/store/index/" + entry.name;
        const auto good = files->content(path).value();
        for (const std::size_t at : {std::size_t{0}, good.size() / 2, good.size() - std::min<std::size_t>(good.size(), 3)}) {
            if (at >= good.size()) {
                continue;
            }
            CAPTURE(path);
            CAPTURE(at);
            const auto copy = files->restart();
            auto bad = good;
            bad[at] = static_cast<char>(bad[at] ^ 0x5A);
            copy->put(path, bad);
            auto store = open_store(copy);
            auto text = store->dump_index();
            if (!text) { // found on use: readers say so, and the next start repairs it
                CHECK(text.code() == errc::corrupt);
                for (std::int32_t queue = 0; queue < 3; ++queue) {
                    static_cast<void>(store->read({"orders", queue_id{queue}}, queue_offset{0}, {}, {}));
                    static_cast<void>(store->read({"rare", queue_id{queue}}, queue_offset{0}, {}, {}));
                }
                for (int key = 0; key < 50; ++key) {
                    for (const std::string_view topic : {"orders", "rare"}) {
                        static_cast<void>(store->find_by_key(topic, "k" + std::to_string(key), timestamp_ms{0}, timestamp_ms{99999}, 10));
                    }
                }
                store.reset();
                store = open_store(copy);
                text = store->dump_index();
            }
            REQUIRE(text.ok());
            CHECK(*text == before);
        }
    }
}

TEST_CASE("message_store: damage costs the damaged record, in reading and in a rebuild") {
    const auto files = fault_file_system::make(1);
    std::vector<placed_records> placed;
    {
        auto store = open_store(files);
        for (int i = 0; i < 10; ++i) {
            placed.push_back(put(*store, orders0, "body-" + std::to_string(i)));
        }
    }
    const std::string segment = "/store/commitlog/00000000000000000000";
    auto bytes = files->content(segment).value();
    bytes[static_cast<std::size_t>(placed[4].position.value()) + 90] ^= 1;
    files->put(segment, bytes);
    std::vector<std::string> events;
    auto options = small_store();
    options.on_event = [&](store_event event, const std::string& text) {
        if (event == store_event::damaged_record) {
            events.push_back(text);
        }
    };
    const std::vector<std::string> left{"body-0", "body-1", "body-2", "body-3", "body-5", "body-6", "body-7", "body-8", "body-9"};
    SUBCASE("with the index in place") {
        auto store = open_store(files, options);
        CHECK(store->recovered().damaged.empty());
        const auto read = read_from(*store, orders0, 0);
        CHECK(read.damaged == 1);
        CHECK(read.count == 9);
        CHECK(read.next == queue_offset{10});
        CHECK(read_from(*store, orders0, 4, {.messages_max = 1}).status == read_status::no_match);
        CHECK(all_bodies(*store, orders0) == left);
        CHECK(store->stats().damaged_records == 1);
        REQUIRE(events.size() == 1);
        CHECK(events[0].find(to_string(placed[4].position)) != std::string::npos);
        CHECK(store->record_at(placed[4].position).code() == errc::corrupt);
    }
    SUBCASE("after a rebuild, which leaves a hole") {
        remove_index(*files);
        auto store = open_store(files, options);
        CHECK(store->recovered().damaged.size() == 1);
        CHECK(events.size() == 1);
        CHECK(all_bodies(*store, orders0) == left);
        CHECK(store->stored_at(orders0, queue_offset{4}).code() == errc::message_not_found);
        CHECK(read_from(*store, orders0, 4, {.messages_max = 1}).damaged == 1);
        CHECK(put(*store, orders0, "next").first == queue_offset{10});
    }
}

TEST_CASE("message_store: retention removes whole segments and moves the minimum offsets, also for a rebuild") {
    const auto files = fault_file_system::make(1);
    auto options = small_store();
    options.retention_bytes = 3 * options.segment_bytes;
    options.retention_age = std::chrono::hours{1000};
    std::string before;
    {
        auto store = open_store(files, options);
        for (int i = 0; i < 400; ++i) {
            put(*store, i % 2 == 0 ? orders0 : orders1, std::string(1000, static_cast<char>('a' + i % 26)), 1000 + i);
            if (i % 50 == 0) {
                persist_all(*store);
            }
        }
        const auto max = store->bounds(orders0)->max;
        CHECK(store->bounds(orders0)->min == queue_offset{0});
        CHECK(store->retain(timestamp_ms{2000}).value() > 0);
        const auto bounds = store->bounds(orders0).value();
        CHECK(bounds.max == max);
        CHECK(bounds.min > queue_offset{0});
        CHECK(bounds.min < max);
        const auto below = read_from(*store, orders0, 3);
        CHECK(below.status == read_status::offset_too_small);
        CHECK(below.next == bounds.min);
        CHECK(read_from(*store, orders0, bounds.min.value()).status == read_status::found);
        CHECK(all_bodies(*store, orders0).size() == static_cast<std::size_t>(bounds.max - bounds.min));
        CHECK(store->stored_at(orders0, bounds.min).value().value() == 1000 + 2 * bounds.min.value());
        CHECK(store->offset_at_or_after(orders0, timestamp_ms{0}).value() == bounds.min);
        before = dump(*store);
    }
    remove_index(*files);
    auto store = open_store(files, options);
    CHECK(dump(*store) == before);
    CHECK(put(*store, orders0, "x").first == queue_offset{200});
}

TEST_CASE("message_store: a queue whose records are all gone keeps its next offset") {
    const auto files = fault_file_system::make(1);
    auto options = small_store();
    options.retention_bytes = 1;
    {
        auto store = open_store(files, options);
        for (int i = 0; i < 40; ++i) {
            put(*store, orders1, "early");
        }
        for (int i = 0; i < 200; ++i) {
            put(*store, orders0, std::string(1000, 'x'));
        }
        persist_all(*store);
        CHECK(store->retain(timestamp_ms{2000}).value() > 0);
        CHECK(store->bounds(orders1)->min == queue_offset{40});
        CHECK(read_from(*store, orders1, 0).status == read_status::offset_too_small);
        CHECK(read_from(*store, orders1, 40).status == read_status::at_end);
    }
    auto store = open_store(files, options);
    CHECK(store->bounds(orders1)->min == queue_offset{40});
    CHECK(put(*store, orders1, "late").first == queue_offset{40});
    CHECK(store->bounds(orders1)->min == queue_offset{40});
    CHECK(all_bodies(*store, orders1) == std::vector<std::string>{"late"});
}

TEST_CASE("message_store: a forgotten topic begins at 0, through crash, restart and rebuild") {
    auto files = fault_file_system::make(1);
    {
        auto store = open_store(files);
        for (int i = 0; i < 70; ++i) {
            put(*store, {.body = "old" + std::to_string(i), .stored_properties = {{"KEYS", "key"}}});
        }
        put(*store, {.queue = {"other", queue_id{0}}, .body = "stays"});
        SUBCASE("forgotten before the index is written") {}
        SUBCASE("forgotten after the index is written") {
            persist_all(*store);
        }
        REQUIRE(store->forget_topic("orders").ok());
        CHECK(store->bounds(orders0)->max == queue_offset{0});
        CHECK(read_from(*store, orders0, 0).status == read_status::empty_queue);
        CHECK(store->find_by_key("orders", "key", timestamp_ms{0}, timestamp_ms{9999}, 10)->empty());
        CHECK(put(*store, orders0, "new0").first == queue_offset{0});
        CHECK(put(*store, orders0, "new1").first == queue_offset{1});
        CHECK(all_bodies(*store, {"other", queue_id{0}}) == std::vector<std::string>{"stays"});
        files->crash(crash_mode::drop_unsynced);
    }
    files = files->restart();
    std::string before;
    const std::vector<std::string> expected{"new0", "new1"};
    {
        auto store = open_store(files);
        CHECK(all_bodies(*store, orders0) == expected);
        CHECK(store->find_by_key("orders", "key", timestamp_ms{0}, timestamp_ms{9999}, 10)->empty());
        before = dump(*store);
    }
    remove_index(*files);
    auto store = open_store(files);
    CHECK(all_bodies(*store, orders0) == expected);
    CHECK(all_bodies(*store, orders1).empty());
    CHECK(store->find_by_key("orders", "key", timestamp_ms{0}, timestamp_ms{9999}, 10)->empty());
    CHECK(dump(*store) == before);
    CHECK(put(*store, orders0, "new2").first == queue_offset{2});
}

TEST_CASE("message_store: a topic forgotten and not used again stays away after a rebuild") {
    const auto files = fault_file_system::make(1);
    {
        auto store = open_store(files);
        put(*store, orders0, "old");
        REQUIRE(store->forget_topic("orders").ok());
    }
    remove_index(*files);
    auto store = open_store(files);
    CHECK(read_from(*store, orders0, 0).status == read_status::empty_queue);
}

TEST_CASE("message_store: a checkpoint made while a topic is removed does not pass the removal") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    put(*store, orders0, "old");
    files->set_hook([&](const call_info& call) -> std::optional<call_fault> {
        if (call.kind == call_kind::sync && call.path.find("commitlog") != std::string::npos) {
            files->set_hook(nullptr);
            persist_all(*store); // the order is in the log, and not in the index yet
        }
        return std::nullopt;
    });
    REQUIRE(store->forget_topic("orders").ok());
    files->crash(crash_mode::drop_unsynced);
    store.reset();
    auto again = open_store(files->restart());
    CHECK(again->bounds(orders0)->max == queue_offset{0});
    CHECK(put(*again, orders0, "new").first == queue_offset{0});
}

TEST_CASE("message_store: names that a dead process left unsynced survive a later power cut") {
    const auto files = fault_file_system::make(1);
    std::uint64_t calls = 0;
    {
        auto store = open_store(files);
        calls = files->calls();
    }
    for (std::uint64_t crash = 1; crash < calls; ++crash) {
        CAPTURE(crash);
        auto disk = fault_file_system::make(1);
        disk->set_plan({.crash_after = crash, .mode = crash_mode::kill});
        static_cast<void>(message_store::open(disk, small_store()));
        disk = disk->restart();
        {
            auto store = open_store(disk);
            put(*store, orders0, "acknowledged");
            disk->crash(crash_mode::drop_unsynced);
        }
        auto again = open_store(disk->restart());
        CHECK(all_bodies(*again, orders0) == std::vector<std::string>{"acknowledged"});
    }
}

TEST_CASE("message_store: a second process is kept out, and told who is in") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    const auto second = message_store::open(files, small_store());
    REQUIRE(second.code() == errc::locked);
    CHECK(second.failure().text.find("/store is in use") != std::string::npos);
    store.reset();
    CHECK(message_store::open(files, small_store()).ok());
}

TEST_CASE("message_store: a foreign directory is refused and left alone") {
    const auto files = fault_file_system::make(1);
    files->put("/store/commitlog/00000000000000000000", "RocketMQ's");
    const auto opened = message_store::open(files, small_store());
    REQUIRE(opened.code() == errc::format_unknown);
    CHECK(opened.failure().text.find("commitlog") != std::string::npos);
    CHECK(files->content("/store/commitlog/00000000000000000000") == "RocketMQ's");
    CHECK_FALSE(files->content("/store/format").has_value());
}

TEST_CASE("message_store: another version of the directory is refused") {
    const auto files = fault_file_system::make(1);
    files->put("/store/format", "troupe store 2\n");
    const auto opened = message_store::open(files, small_store());
    REQUIRE(opened.code() == errc::format_unknown);
    CHECK(opened.failure().text.find("/store/format") != std::string::npos);
}

TEST_CASE("message_store: a log that ends below the checkpoint is refused, naming the way out") {
    const auto files = fault_file_system::make(1);
    {
        auto store = open_store(files);
        for (int i = 0; i < 200; ++i) {
            put(*store, orders0, std::string(1000, 'x'));
        }
    }
    const auto segments = files->list("/store/commitlog").value();
    const auto last = std::max_element(segments.begin(), segments.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
    REQUIRE(files->remove("/store/commitlog/" + last->name).ok());
    const auto opened = message_store::open(files, small_store());
    REQUIRE(opened.code() == errc::corrupt);
    CHECK(opened.failure().text.find("remove the index directory") != std::string::npos);
}

// Goal: after any crash every acknowledged message is there, in order, nothing else, and the index is what a rebuild makes.
// How:  a random workload with a crash at a random call in each mode; a model of what was acknowledged.
TEST_CASE("message_store: crashes at random points lose nothing acknowledged") {
    const auto seed = random_seed("message_store crashes", 2024);
    const int rounds = full_run() ? 400 : 60;
    for (int round = 0; round < rounds; ++round) {
        const auto mode = all_crash_modes[round % 4];
        CAPTURE(round);
        CAPTURE(to_string(mode));
        std::mt19937_64 random{seed + static_cast<std::uint64_t>(round)};
        auto files = fault_file_system::make(seed + static_cast<std::uint64_t>(round));
        std::map<topic_queue, std::vector<std::string>> acknowledged;
        std::map<topic_queue, std::vector<std::string>> sent;
        int number = 0;
        for (int life = 0; life < 3; ++life) {
            fault_plan plan;
            (random() % 2 == 0 ? plan.crash_before : plan.crash_after) = files->calls() + random() % 400 + 1;
            plan.mode = mode;
            files->set_plan(plan);
            if (auto opened = message_store::open(files, small_store())) {
                auto& store = **opened;
                while (!files->crashed()) {
                    std::vector<unplaced_records> batch;
                    std::vector<std::pair<topic_queue, std::string>> group;
                    for (auto left = random() % 5 + 1; left > 0; --left) {
                        const topic_queue queue{"orders", queue_id{static_cast<std::int32_t>(random() % 3)}};
                        group.emplace_back(queue, std::to_string(number++) + std::string(random() % 900, '.'));
                        batch.push_back(one(queue, group.back().second));
                    }
                    if (!store.append(std::move(batch), timestamp_ms{1000 + number})) {
                        for (auto& [queue, body] : group) {
                            sent[queue].push_back(body); // may be there
                        }
                        break;
                    }
                    const bool is_durable = store.flush().ok();
                    for (auto& [queue, body] : group) {
                        sent[queue].push_back(body);
                        if (is_durable) {
                            acknowledged[queue].push_back(body);
                        }
                    }
                    if (random() % 4 == 0) {
                        static_cast<void>(store.persist_index(random() % 3 == 0));
                    }
                }
            }
            if (!files->crashed()) {
                files->crash(mode);
            }
            files = files->restart();
            auto store = open_store(files);
            CHECK(store->recovered().damaged.empty());
            for (const auto& [queue, bodies_sent] : sent) {
                const auto found = all_bodies(*store, queue);
                // Acknowledged is a subsequence of found, and found of sent.
                const auto is_part = [](const std::vector<std::string>& part, const std::vector<std::string>& whole) {
                    std::size_t at = 0;
                    for (const auto& item : whole) {
                        at += at < part.size() && part[at] == item ? 1U : 0U;
                    }
                    return at == part.size();
                };
                REQUIRE(is_part(acknowledged[queue], found));
                REQUIRE(is_part(found, bodies_sent));
                acknowledged[queue] = found; // from now on all of it was seen
            }
            const auto live = dump(*store);
            store.reset();
            const auto copy = files->restart();
            remove_index(*copy);
            REQUIRE(dump(*open_store(copy)) == live);
        }
    }
}

// Goal: appends, syncs and index writes at the same time never let a checkpoint pass what the index lacks.
// How:  in flush mode async, three threads until power goes at a random call; the index is then what a rebuild makes.
TEST_CASE("message_store: a writer, a flusher and an indexer at once leave an index that a rebuild agrees with") {
    const auto seed = random_seed("message_store threads", 77);
    const int rounds = full_run() ? 200 : 30;
    for (int round = 0; round < rounds; ++round) {
        CAPTURE(round);
        auto files = fault_file_system::make(seed + static_cast<std::uint64_t>(round));
        auto options = small_store();
        options.flush = flush_mode::async;
        {
            const auto store = open_store(files, options);
            fault_plan plan;
            plan.crash_after = files->calls() + (seed + static_cast<std::uint64_t>(round) * 37) % 900 + 50;
            files->set_plan(plan);
            std::atomic<bool> done{false};
            std::thread flusher{[&] {
                while (!done && store->flush()) {
                }
            }};
            std::thread indexer{[&] {
                for (int i = 0; !done; ++i) {
                    static_cast<void>(store->persist_index(i % 3 == 0));
                    std::this_thread::yield();
                }
            }};
            std::mt19937_64 random{seed + static_cast<std::uint64_t>(round)};
            for (int i = 0; !files->crashed() && i < 100'000; ++i) {
                const topic_queue queue{random() % 2 == 0 ? "rare" : "orders", queue_id{static_cast<std::int32_t>(random() % 3)}};
                const auto stored = store->append(group_of(one(queue, std::string(random() % 200 + 1, 'b'))), timestamp_ms{1000 + i});
                if (!stored && stored.code() != errc::busy) {
                    break;
                }
                if (random() % 200 == 0) {
                    static_cast<void>(store->forget_topic("rare"));
                }
            }
            done = true;
            flusher.join();
            indexer.join();
            if (!files->crashed()) {
                files->crash(crash_mode::drop_unsynced);
            }
        }
        files = files->restart();
        auto store = open_store(files, options);
        CHECK(store->recovered().damaged.empty());
        const auto live = dump(*store);
        store.reset();
        const auto copy = files->restart();
        remove_index(*copy);
        REQUIRE(dump(*open_store(copy, options)) == live);
    }
}
