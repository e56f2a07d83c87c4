#include "storage/message_store.hpp"

#include "tests/storage/store_fixture.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

TEST_CASE("message_store: a queue never written to is empty") {
    auto store = open_store(fault_file_system::make(1));
    CHECK(read_from(*store, orders0, 0).status == read_status::empty_queue);
    const auto beyond = read_from(*store, orders0, 5);
    CHECK(beyond.status == read_status::offset_too_large);
    CHECK(beyond.next == queue_offset{0});
    CHECK(store->bounds(orders0)->max == queue_offset{0});
}

TEST_CASE("message_store: records come back in order, queue by queue, byte for byte") {
    auto store = open_store(fault_file_system::make(1));
    for (int i = 0; i < 100; ++i) {
        const auto& queue = i % 3 == 0 ? orders1 : orders0;
        put(*store, queue, "m" + std::to_string(i));
    }
    const auto read = read_from(*store, orders0, 2, {.messages_max = 3});
    CHECK(read.status == read_status::found);
    CHECK(read.count == 3);
    CHECK(read.next == queue_offset{5});
    CHECK(read.bounds.max == queue_offset{66});
    CHECK(bodies(read.records) == std::vector<std::string>{"m4", "m5", "m7"});
    const auto messages = protocol::decode_records(read.records).value();
    CHECK(messages[0].offset == queue_offset{2});
    CHECK(messages[0].stored == timestamp_ms{1000});
    const auto second = read.records.slice(read.records.size() / 3, read.records.size() / 3); // all are of one size
    CHECK(*store->record_at(messages[1].position) == second);
    CHECK(all_bodies(*store, orders1).size() == 34);
    CHECK(read_from(*store, orders0, 66).status == read_status::at_end);
    CHECK(read_from(*store, orders0, 67).status == read_status::offset_too_large);
    CHECK(read_from(*store, orders0, -1).status == read_status::offset_too_small);
}

TEST_CASE("message_store: one append places several queues, repeated queues and batches") {
    auto store = open_store(fault_file_system::make(1));
    std::vector<unplaced_records> batch;
    batch.push_back(one(orders0, "a"));
    batch.push_back({orders1, encode({orders1, "b"}) + encode({orders1, "c"}), 2});
    batch.push_back(one(orders0, "d"));
    const auto placed = store->append(std::move(batch), timestamp_ms{5}).value();
    REQUIRE(store->flush().ok());
    REQUIRE(placed.size() == 3);
    CHECK(placed[0].first == queue_offset{0});
    CHECK(placed[1].first == queue_offset{0});
    CHECK(placed[2].first == queue_offset{1});
    CHECK(placed[0].end == placed[1].position);
    CHECK(placed[2].end == store->stats().log_end);
    CHECK(all_bodies(*store, orders0) == std::vector<std::string>{"a", "d"});
    CHECK(all_bodies(*store, orders1) == std::vector<std::string>{"b", "c"});
}

TEST_CASE("message_store: records given to the wrong queue or with a wrong count are refused, and nothing is placed") {
    auto store = open_store(fault_file_system::make(1));
    std::vector<unplaced_records> batch;
    batch.push_back(one(orders0, "fine"));
    batch.push_back({orders1, encode({orders0, "astray"}), 1});
    CHECK(store->append(std::move(batch), timestamp_ms{1}).code() == errc::argument_illegal);
    CHECK(store->append(group_of({orders0, encode({orders0, "x"}), 2}), timestamp_ms{1}).code() == errc::argument_illegal);
    CHECK(store->append(group_of({orders0, "", 0}), timestamp_ms{1}).code() == errc::argument_illegal);
    CHECK(put(*store, orders0, "first").first == queue_offset{0});
}

TEST_CASE("message_store: in sync mode a record is seen only after the flush") {
    auto store = open_store(fault_file_system::make(1));
    REQUIRE(store->append(group_of(one(orders0, "a")), timestamp_ms{1}).ok());
    CHECK(read_from(*store, orders0, 0).status == read_status::empty_queue);
    CHECK(store->bounds(orders0)->max == queue_offset{0});
    persist_all(*store);
    CHECK(read_from(*store, orders0, 0).status == read_status::empty_queue);
    REQUIRE(store->flush().ok());
    CHECK(all_bodies(*store, orders0) == std::vector<std::string>{"a"});
}

TEST_CASE("message_store: in async mode a record is seen at once") {
    auto options = small_store();
    options.flush = flush_mode::async;
    auto store = open_store(fault_file_system::make(1), options);
    REQUIRE(store->append(group_of(one(orders0, "a")), timestamp_ms{1}).ok());
    CHECK(all_bodies(*store, orders0) == std::vector<std::string>{"a"});
    CHECK(store->stats().log_durable < store->stats().log_end);
}

TEST_CASE("message_store: the byte limit holds, but one message always comes") {
    auto store = open_store(fault_file_system::make(1));
    for (int i = 0; i < 4; ++i) {
        put(*store, orders0, std::string(1000, 'x'));
    }
    CHECK(read_from(*store, orders0, 0, {.messages_max = 10, .bytes_max = 1}).count == 1);
    CHECK(read_from(*store, orders0, 0, {.messages_max = 10, .bytes_max = 2500}).count == 2);
    CHECK(read_from(*store, orders0, 0, {.messages_max = 0, .bytes_max = 2500}).count == 1);
}

TEST_CASE("message_store: a tag filter passes its tags and moves over the others") {
    auto store = open_store(fault_file_system::make(1));
    for (int i = 0; i < 1000; ++i) {
        const std::string tag = i % 500 == 499 ? "rare" : "common";
        REQUIRE(store->append(group_of(one({.body = std::to_string(i), .stored_properties = {{"TAGS", tag}}})), timestamp_ms{1}).ok());
    }
    REQUIRE(store->flush().ok());
    persist_all(*store);
    const record_filter rare{{protocol::tag_hash("rare")}};
    const auto first = read_from(*store, orders0, 0, {}, rare);
    CHECK(first.status == read_status::found);
    CHECK(bodies(first.records) == std::vector<std::string>{"499"});
    CHECK(first.next == queue_offset{800});
    const auto second = read_from(*store, orders0, 500, {}, record_filter{{protocol::tag_hash("none")}});
    CHECK(second.status == read_status::no_match);
    CHECK(second.next == queue_offset{1000});
    const auto limited = read_from(*store, orders0, 0, {.messages_max = 1}, rare);
    CHECK(bodies(limited.records) == std::vector<std::string>{"499"});
}

namespace {

/// A thousand records whose property "a" is their offset, every tenth of them with tag "tenth".
std::unique_ptr<message_store> numbered_store(const std::shared_ptr<fault_file_system>& files, std::size_t body_bytes) {
    auto store = open_store(files);
    for (int i = 0; i < 1000; ++i) {
        const auto number = std::to_string(i);
        const draft from{.body = number + std::string(body_bytes, '.'),
                         .stored_properties = {{"a", number}, {"TAGS", i % 10 == 0 ? "tenth" : "other"}}};
        REQUIRE(store->append(group_of(one(from)), timestamp_ms{1}).ok());
    }
    REQUIRE(store->flush().ok());
    persist_all(*store);
    return store;
}

/// Wants the values of "a" in `numbers`, and counts what it is asked.
record_filter wanting(std::vector<int> numbers, int& asked) {
    return {{}, [numbers = std::move(numbers), &asked](std::string_view properties) {
                ++asked;
                const auto a = protocol::find_property(properties, "a");
                return a && std::find(numbers.begin(), numbers.end(), std::stoi(std::string{*a})) != numbers.end();
            }};
}

std::vector<int> numbers_of(const read_records& read) {
    std::vector<int> all;
    for (const auto& body : bodies(read.records)) {
        all.push_back(std::stoi(body));
    }
    return all;
}

} // namespace

TEST_CASE("message_store: a filter of properties gets what it wants, in order, and only that") {
    const auto store = numbered_store(fault_file_system::make(1), 0);
    int asked = 0;
    const auto first = read_from(*store, orders0, 3, {}, wanting({2, 3, 500, 799, 999}, asked));
    CHECK(first.status == read_status::found);
    CHECK(first.count == 3);
    CHECK(numbers_of(first) == std::vector{3, 500, 799});
    CHECK(first.next == queue_offset{803});
    CHECK(asked == 800);
    const auto second = read_from(*store, orders0, 803, {}, wanting({999}, asked));
    CHECK(numbers_of(second) == std::vector{999});
    CHECK(second.next == queue_offset{1000});
    const auto none = read_from(*store, orders0, 0, {}, wanting({}, asked));
    CHECK(none.status == read_status::no_match);
    CHECK(none.next == queue_offset{800});
    CHECK(none.records.empty());
}

TEST_CASE("message_store: tags and properties together: only records with the tag are read") {
    const auto store = numbered_store(fault_file_system::make(1), 0);
    int asked = 0;
    auto filter = wanting({20, 25, 30}, asked);
    filter.tag_hashes = {protocol::tag_hash("tenth")};
    const auto read = read_from(*store, orders0, 0, {}, filter);
    CHECK(numbers_of(read) == std::vector{20, 30});
    CHECK(asked == 80);
    CHECK(filter.matches(*protocol::encode_properties({{"TAGS", "tenth"}, {"a", "20"}})));
    CHECK_FALSE(filter.matches(*protocol::encode_properties({{"TAGS", "other"}, {"a", "20"}})));
}

TEST_CASE("message_store: a filter of properties stops at the limits of an answer, and goes on where it stopped") {
    const auto store = numbered_store(fault_file_system::make(1), 1'000);
    int asked = 0;
    const auto filter = wanting({5, 6, 700, 701}, asked);
    const auto one = read_from(*store, orders0, 0, {.messages_max = 1}, filter);
    CHECK(numbers_of(one) == std::vector{5});
    CHECK(one.next == queue_offset{6});
    const auto bytes = read_from(*store, orders0, 0, {.messages_max = 32, .bytes_max = 3'000}, filter);
    CHECK(numbers_of(bytes) == std::vector{5, 6});
    CHECK(bytes.next == queue_offset{700});
    const auto tiny = read_from(*store, orders0, 0, {.messages_max = 32, .bytes_max = 1}, filter); // one always comes
    CHECK(numbers_of(tiny) == std::vector{5});
    CHECK(tiny.next == queue_offset{6});
}

TEST_CASE("message_store: what a filter of properties looks at is bounded in bytes, and it always gets on") {
    const auto store = numbered_store(fault_file_system::make(1), 10'000);
    int asked = 0;
    const auto filter = wanting({150}, asked);
    const auto far = read_from(*store, orders0, 0, {.examined_bytes_max = 1u << 20}, filter);
    CHECK(far.status == read_status::no_match);
    CHECK(far.next.value() == asked);
    CHECK(asked > 90);
    CHECK(asked < 110);
    asked = 0;
    const auto least = read_from(*store, orders0, 0, {.examined_bytes_max = 0}, filter);
    CHECK(asked == 1);
    CHECK(least.next == queue_offset{1});
    // A consumer that goes on finds what it wants.
    std::vector<int> found;
    queue_offset at{0};
    for (int reads = 0; reads < 20 && at < queue_offset{1000}; ++reads) {
        const auto read = read_from(*store, orders0, at.value(), {}, filter);
        for (const int number : numbers_of(read)) {
            found.push_back(number);
        }
        at = read.next;
    }
    CHECK(found == std::vector{150});
    CHECK(at == queue_offset{1000});
}

TEST_CASE("message_store: a tag is the one that readers of the properties see") {
    auto store = open_store(fault_file_system::make(1));
    protocol::message m;
    m.topic = "orders";
    m.body = payload{"x"};
    m.properties = "TAGS\x01"
                   "a\x02TAGS\x01\x02"; // the empty one is no property
    REQUIRE(protocol::find_property(m.properties, "TAGS") == "a");
    REQUIRE(store->append(group_of({orders0, *protocol::encode_record(m), 1}), timestamp_ms{1}).ok());
    REQUIRE(store->flush().ok());
    CHECK(read_from(*store, orders0, 0, {}, record_filter{{protocol::tag_hash("a")}}).count == 1);
}

TEST_CASE("message_store: searches by time find the first of equal stamps, or the last") {
    auto store = open_store(fault_file_system::make(1));
    // Offsets 0..199, four messages each at 1000, 1010, 1020, ...
    for (int i = 0; i < 200; ++i) {
        put(*store, orders0, "x", 1000 + i / 4 * 10);
    }
    for (const bool persisted : {false, true}) {
        CAPTURE(persisted);
        if (persisted) {
            persist_all(*store);
        }
        CHECK(store->offset_at_or_after(orders0, timestamp_ms{0}).value() == queue_offset{0});
        CHECK(store->offset_at_or_after(orders0, timestamp_ms{1000}).value() == queue_offset{0});
        CHECK(store->offset_at_or_after(orders0, timestamp_ms{1001}).value() == queue_offset{4});
        CHECK(store->offset_at_or_after(orders0, timestamp_ms{1300}).value() == queue_offset{120});
        CHECK(store->offset_at_or_after(orders0, timestamp_ms{9000}).value() == queue_offset{200});
        CHECK(store->offset_at_or_before(orders0, timestamp_ms{0}).value() == queue_offset{0});
        CHECK(store->offset_at_or_before(orders0, timestamp_ms{1000}).value() == queue_offset{3});
        CHECK(store->offset_at_or_before(orders0, timestamp_ms{1019}).value() == queue_offset{7});
        CHECK(store->offset_at_or_before(orders0, timestamp_ms{9000}).value() == queue_offset{199});
        CHECK(store->stored_at(orders0, queue_offset{41}).value() == timestamp_ms{1100});
        CHECK(store->stored_at(orders0, queue_offset{200}).code() == errc::message_not_found);
    }
    CHECK(store->offset_at_or_after(orders1, timestamp_ms{5}).value() == queue_offset{0});
    CHECK(store->offset_at_or_before(orders1, timestamp_ms{5}).value() == queue_offset{0});
}

TEST_CASE("message_store: store times do not go back with the clock, not even over a restart") {
    const auto files = fault_file_system::make(1);
    {
        auto store = open_store(files);
        CHECK(put(*store, orders0, "a", 2000).stored == timestamp_ms{2000});
        CHECK(put(*store, orders0, "b", 1500).stored == timestamp_ms{2000});
        persist_all(*store);
    }
    auto store = open_store(files);
    CHECK(put(*store, orders0, "c", 100).stored == timestamp_ms{2000});
}

TEST_CASE("message_store: messages are found by key, newest first, in a span of time") {
    auto store = open_store(fault_file_system::make(1));
    for (int i = 0; i < 50; ++i) {
        put(*store,
            {.body = std::to_string(i),
             .stored_properties = {{"KEYS", "k" + std::to_string(i % 5) + " all all"}, {"UNIQ_KEY", "u" + std::to_string(i)}}},
            1000 + i);
        if (i == 20) {
            persist_all(*store);
        }
    }
    const auto find = [&](std::string_view topic, std::string_view key, std::int64_t begin, std::int64_t end, std::int32_t most) {
        std::string joined;
        const auto records = store->find_by_key(topic, key, timestamp_ms{begin}, timestamp_ms{end}, most).value();
        for (const auto& record : records) {
            joined += bodies(record).front() + ' ';
        }
        return joined;
    };
    CHECK(find("orders", "u7", 0, 9999, 10) == "7 ");
    CHECK(find("orders", "u33", 0, 9999, 10) == "33 ");
    CHECK(find("orders", "k3", 0, 9999, 4) == "48 43 38 33 ");
    CHECK(find("orders", "k3", 1003, 1018, 64) == "18 13 8 3 ");
    CHECK(find("orders", "all", 0, 1002, 64) == "2 1 0 ");
    CHECK(find("orders", "k", 0, 9999, 64).empty());
    CHECK(find("other", "k3", 0, 9999, 64).empty());
    CHECK(find("orders", "k3", 0, 9999, 0).empty());
    const auto newest = store->find_by_key("orders", "k3", timestamp_ms{0}, timestamp_ms{9999}, 2).value();
    const auto below = protocol::record_position(newest.back().view());
    const auto older = store->find_by_key("orders", "k3", timestamp_ms{0}, timestamp_ms{9999}, 2, below).value();
    REQUIRE(older.size() == 2);
    CHECK(bodies(older.front()).front() == "38");
    CHECK(store->stats().index_memory_bytes > 0);
    persist_all(*store);
    CHECK(store->stats().index_memory_bytes == 0);
    CHECK(find("orders", "k3", 0, 9999, 4) == "48 43 38 33 ");
}

TEST_CASE("message_store: positions that begin no message are not found") {
    auto store = open_store(fault_file_system::make(1));
    const auto placed = put(*store, orders0, "a");
    CHECK(store->record_at(placed.position).ok());
    CHECK(store->record_at(log_position{0}).code() == errc::message_not_found);
    CHECK(store->record_at(placed.position + 1).code() == errc::message_not_found);
    CHECK(store->record_at(placed.end).code() == errc::message_not_found);
    REQUIRE(store->append(group_of(one(orders0, "unseen")), timestamp_ms{1}).ok());
    CHECK(store->record_at(placed.end + 64).code() == errc::message_not_found);
}

TEST_CASE("message_store: index memory over its bound makes appends busy until the indexer has run") {
    auto options = small_store();
    options.index_memory_bytes_max = 24 * 10;
    auto store = open_store(fault_file_system::make(1), options);
    for (int i = 0; i < 11; ++i) {
        put(*store, orders0, "x");
    }
    CHECK(store->append(group_of(one(orders0, "x")), timestamp_ms{1}).code() == errc::busy);
    persist_all(*store, false);
    CHECK(put(*store, orders0, "x").first == queue_offset{11});
}

TEST_CASE("message_store: thousands of queues keep their offsets through persisting, eviction and restart") {
    const auto files = fault_file_system::make(1);
    auto options = small_store();
    options.segment_bytes = 4u << 20;
    options.checkpoint_bytes = 1u << 20;
    constexpr int queues = 20'000;
    const auto queue = [](int i) { return topic_queue{"t" + std::to_string(i / 8), queue_id{i % 8}}; };
    {
        auto store = open_store(files, options);
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < queues; i += 100) {
                std::vector<unplaced_records> batch;
                for (int j = i; j < i + 100; ++j) {
                    batch.push_back(one(queue(j), std::to_string(round)));
                }
                const auto placed = store->append(std::move(batch), timestamp_ms{1}).value();
                for (const auto& place : placed) {
                    REQUIRE(place.first == queue_offset{round});
                }
            }
            REQUIRE(store->flush().ok());
            persist_all(*store);
        }
        for (int i = 0; i < 200; ++i) {
            REQUIRE(store->persist_index(false).ok());
        }
        CHECK(store->stats().queues <= 8192);
    }
    auto store = open_store(files, options);
    CHECK(store->recovered().replayed_records == 0);
    for (int i = 0; i < queues; i += 997) {
        REQUIRE(all_bodies(*store, queue(i)) == std::vector<std::string>{"0", "1", "2"});
        REQUIRE(put(*store, queue(i), "3").first == queue_offset{3});
    }
}

// Goal: writer, indexer and readers do not disturb each other. How: all at once over few queues, with every way of reading;
// each reader must see each queue whole and in order. Meant for the thread sanitizer too.
TEST_CASE("message_store: writer, indexer and readers work at the same time") {
    auto options = small_store();
    options.segment_bytes = 1u << 20;
    auto store = open_store(fault_file_system::make(1), options);
    constexpr int messages = 4000;
    constexpr int queues = 4;
    const auto queue = [](int i) { return topic_queue{"orders", queue_id{i % queues}}; };
    std::atomic<bool> is_written{false};
    std::atomic<int> wrong{0};
    const auto follow = [&](int first) {
        std::array<std::int64_t, queues> next{};
        for (int seen = 0; seen < messages; first = (first + 1) % queues) {
            const bool was_written = is_written;
            const auto at = static_cast<std::size_t>(first);
            const auto read = store->read(queue(first), queue_offset{next[at]}, {}, {});
            if (!read || read->damaged > 0) {
                ++wrong;
                return;
            }
            const auto found = bodies(read->records);
            for (const auto& body : found) {
                wrong += body == std::to_string(next[at]++ * queues + first) ? 0 : 1;
            }
            seen += static_cast<int>(found.size());
            if (!store->bounds(queue(first)) || !store->offset_at_or_after(queue(first), timestamp_ms{1000 + seen})) {
                ++wrong;
            }
            if (was_written && found.empty() && next[at] != messages / queues) {
                ++wrong;
                return;
            }
        }
    };
    std::thread indexer{[&] {
        while (!is_written) {
            wrong += store->persist_index(false) ? 0 : 1;
        }
    }};
    std::thread one_reader{follow, 0};
    std::thread other_reader{follow, 2};
    for (int i = 0; i < messages; i += 8) {
        std::vector<unplaced_records> batch;
        for (int j = i; j < i + 8; ++j) {
            batch.push_back(one(draft{.queue = queue(j), .body = std::to_string(j), .stored_properties = {{"KEYS", "k"}}}));
        }
        REQUIRE(store->append(std::move(batch), timestamp_ms{1000 + i}).ok());
        REQUIRE(store->flush().ok());
    }
    is_written = true;
    indexer.join();
    one_reader.join();
    other_reader.join();
    CHECK(wrong == 0);
}
