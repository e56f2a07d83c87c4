#include "storage/topic_retention.hpp"

#include "tests/storage/store_fixture.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;
using namespace std::chrono_literals;

namespace {

using names = std::vector<std::string>;

const topic_queue bills0{"bills", queue_id{0}};

/// Until there is nothing more to do, in small steps.
void trim(message_store& store, const topic_rule& rule, std::int64_t now_ms, std::size_t entries_max = 7, std::int32_t queues = 2) {
    for (int step = 0; step < 100'000; ++step) {
        const auto more = store.trim_topic("orders", queues, rule, timestamp_ms{now_ms}, entries_max);
        REQUIRE_MESSAGE(more.ok(), (more ? std::string{} : to_string(more.failure())));
        if (!*more) {
            return;
        }
    }
    FAIL("a rule is never done");
}

} // namespace

TEST_CASE("topic_floors: move forward only, until they are forgotten") {
    topic_floors floors;
    CHECK(floors.of("t") == log_position{0});
    floors.raise("t", log_position{7});
    floors.raise("t", log_position{5});
    CHECK(floors.of("t") == log_position{7});
    CHECK(floors.of("u") == log_position{0});
    floors.forget("t");
    floors.forget("never there");
    CHECK(floors.of("t") == log_position{0});
}

TEST_CASE("topic_retention: messages that are too old are handed out no more, in every queue of their topic and in no other") {
    const auto files = fault_file_system::make(1);
    const auto store = open_store(files);
    for (int i = 0; i < 5; ++i) {
        const auto number = std::to_string(i);
        put(*store, draft{.queue = orders0, .body = "a" + number, .stored_properties = {{"KEYS", "k" + number}}}, 1'000 * (i + 1));
        put(*store, orders1, "b" + number, 1'000 * (i + 1));
        put(*store, bills0, "c" + number, 1'000 * (i + 1));
    }
    const topic_rule rule{3s, 0};
    trim(*store, rule, 5'000);
    CHECK(all_bodies(*store, orders0) == names{"a1", "a2", "a3", "a4"});
    trim(*store, rule, 6'000);
    CHECK(all_bodies(*store, orders0) == names{"a2", "a3", "a4"});
    CHECK(all_bodies(*store, orders1) == names{"b2", "b3", "b4"});
    CHECK(all_bodies(*store, bills0).size() == 5);
    CHECK(read_from(*store, orders0, 0).status == read_status::offset_too_small);
    CHECK(read_from(*store, orders0, 0).next == queue_offset{2});
    CHECK(store->find_by_key("orders", "k1", timestamp_ms{0}, timestamp_ms{INT64_MAX}, 9)->empty());
    CHECK(store->find_by_key("orders", "k2", timestamp_ms{0}, timestamp_ms{INT64_MAX}, 9)->size() == 1);
    CHECK(store->offset_at_or_after(orders0, timestamp_ms{0}).value() == queue_offset{2});

    trim(*store, rule, 100'000);
    CHECK(store->bounds(orders0)->min == queue_offset{5});
    CHECK(store->bounds(orders0)->max == queue_offset{5});
    put(*store, orders0, "a5", 101'000);
    trim(*store, rule, 102'000);
    CHECK(all_bodies(*store, orders0) == names{"a5"});
    CHECK(store->bounds({"orders", queue_id{9}})->max == queue_offset{0});
}

TEST_CASE("topic_retention: what is too much goes oldest first over all queues, whether it is written to the index or not") {
    const auto files = fault_file_system::make(1);
    auto store = open_store(files);
    std::uint64_t bytes = 0;
    const auto fill = [&](int from, int to) {
        for (int i = from; i < to; ++i) {
            const auto placed = put(*store, i % 3 == 0 ? orders0 : orders1, std::to_string(1000 + i), 1'000 + i);
            bytes = static_cast<std::uint64_t>(placed.end - placed.position);
            put(*store, bills0, "other", 1'000 + i);
        }
    };
    fill(0, 90);
    SUBCASE("in memory") {}
    SUBCASE("written") {
        persist_all(*store);
    }
    const auto kept = [&store] {
        auto all = all_bodies(*store, orders0);
        const auto more = all_bodies(*store, orders1);
        all.insert(all.end(), more.begin(), more.end());
        std::sort(all.begin(), all.end());
        return all;
    };
    const topic_rule rule{0s, 12 * bytes};
    trim(*store, rule, 9'999);
    REQUIRE(kept().size() == 12);
    CHECK(kept().front() == "1078");
    trim(*store, rule, 9'999);
    CHECK(kept().size() == 12);
    fill(90, 95);
    trim(*store, rule, 9'999);
    CHECK(kept().size() == 12);
    CHECK(kept().front() == "1083");
    trim(*store, {0s, 4 * bytes}, 9'999); // less is kept from now on
    CHECK(kept() == names{"1091", "1092", "1093", "1094"});
    trim(*store, {0s, 40 * bytes}, 9'999); // what is gone stays so
    CHECK(kept().size() == 4);

    store.reset();
    store = open_store(files);
    CHECK(kept().size() == 95); // until the rule is applied again
    trim(*store, rule, 9'999);
    CHECK(kept().size() == 12);
    store->untrim_topic("orders");
    CHECK(kept().size() == 95);
    CHECK(all_bodies(*store, bills0).size() == 95);
}

TEST_CASE("topic_retention: a topic that is deleted and made again begins with what it gets then") {
    const auto files = fault_file_system::make(1);
    const auto store = open_store(files);
    const auto placed = put(*store, orders0, "a0");
    const topic_rule rule{0s, static_cast<std::uint64_t>(placed.end - placed.position)};
    put(*store, orders0, "a1");
    put(*store, orders0, "a2");
    trim(*store, rule, 2'000);
    CHECK(all_bodies(*store, orders0) == names{"a2"});
    REQUIRE(store->forget_topic("orders"));
    put(*store, orders0, "b0");
    put(*store, orders0, "b1");
    trim(*store, rule, 2'000);
    CHECK(all_bodies(*store, orders0) == names{"b1"});
}

// Goal: whatever is written, trimmed and removed, the topic keeps the newest messages that fit both rules, and no other.
// How:  random operations against a plain list of all messages.
TEST_CASE("topic_retention: at random, exactly what the rules say is kept") {
    std::mt19937_64 random{random_seed("topic retention", 1)};
    const auto below = [&random](std::uint64_t bound) { return static_cast<std::int64_t>(random() % bound); };
    auto options = small_store();
    options.retention_age = 1h;
    options.retention_bytes = 200u << 10; // of the log: whole segments go
    const auto files = fault_file_system::make(1);
    const auto store = open_store(files, options);
    struct stored {
        std::string body;
        std::int64_t at = 0;
        log_position position;
        std::uint64_t bytes = 0;
    };
    std::vector<stored> all;
    std::int64_t now = 1'000'000;
    topic_rule rule{10s, 20'000};
    for (int round = 0; round < 600; ++round) {
        now += below(800);
        const auto body = std::to_string(round) + std::string(static_cast<std::size_t>(1 + below(2'000)), 'x');
        const auto queue = below(3) == 0 ? orders0 : orders1;
        const auto placed = put(*store, queue, body, now);
        all.push_back({body, now, placed.position, static_cast<std::uint64_t>(placed.end - placed.position)});
        put(*store, bills0, body, now);
        if (below(10) == 0) {
            persist_all(*store, below(2) == 0);
        }
        if (below(20) == 0) {
            REQUIRE(store->retain(timestamp_ms{now}).ok());
        }
        if (below(8) != 0) {
            continue;
        }
        trim(*store, rule, now, static_cast<std::size_t>(1 + below(50)));
        std::uint64_t bytes = 0;
        std::vector<std::string> expected;
        for (auto one = all.rbegin(); one != all.rend(); ++one) {
            bytes += one->bytes;
            if (bytes > rule.bytes_max || one->at < now - rule.keep.count() || one->position < store->stats().log_min) {
                break;
            }
            expected.push_back(one->body);
        }
        auto kept = all_bodies(*store, orders0);
        const auto more = all_bodies(*store, orders1);
        kept.insert(kept.end(), more.begin(), more.end());
        std::sort(kept.begin(), kept.end());
        std::sort(expected.begin(), expected.end());
        CHECK(kept == expected);
    }
}
