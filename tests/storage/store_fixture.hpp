#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"
#include "storage/message_store.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// What tests of message_store share: small stores in memory, records from a few words, and plain answers.
namespace troupe::test_support {

inline const topic_queue orders0{"orders", queue_id{0}};
inline const topic_queue orders1{"orders", queue_id{1}};

/// A message to be stored; `stored_properties` may hold TAGS, KEYS and so on.
struct draft {
    topic_queue queue = orders0;
    std::string body = "body";
    protocol::properties stored_properties = {};
};

inline std::string encode(const draft& from) {
    protocol::message m;
    m.topic = from.queue.topic;
    m.queue = from.queue.queue;
    m.body = payload{from.body};
    m.properties = protocol::encode_properties(from.stored_properties).value();
    return protocol::encode_record(m).value();
}

inline storage::unplaced_records one(const draft& from) {
    return {from.queue, encode(from), 1};
}

/// One record of `queue` with `body`.
inline storage::unplaced_records one(const topic_queue& queue, std::string body) {
    return one(draft{.queue = queue, .body = std::move(body)});
}

inline std::vector<storage::unplaced_records> group_of(storage::unplaced_records element) {
    std::vector<storage::unplaced_records> group;
    group.push_back(std::move(element));
    return group;
}

inline storage::store_options small_store() {
    storage::store_options options;
    options.directory = "/store";
    options.segment_bytes = 64u << 10;
    options.checkpoint_bytes = 16u << 10;
    options.disk_reserve_bytes = 0;
    options.disk_full_ratio = 1.0;
    options.disk_clean_ratio = 1.0;
    options.block_cache_bytes = 256u << 10;
    return options;
}

inline std::unique_ptr<storage::message_store> open_store(const std::shared_ptr<storage::file_system>& files,
                                                          const storage::store_options& options = small_store()) {
    auto store = storage::message_store::open(files, options);
    REQUIRE_MESSAGE(store.ok(), (store ? std::string{} : to_string(store.failure())));
    return *std::move(store);
}

/// Appends one record and makes it durable.
inline storage::placed_records put(storage::message_store& store, const draft& from, std::int64_t now_ms = 1000) {
    auto placed = store.append(group_of(one(from)), timestamp_ms{now_ms});
    REQUIRE_MESSAGE(placed.ok(), (placed ? std::string{} : to_string(placed.failure())));
    REQUIRE(store.flush().ok());
    return placed->front();
}

inline storage::placed_records put(storage::message_store& store, const topic_queue& queue, const std::string& body,
                                   std::int64_t now_ms = 1000) {
    return put(store, draft{.queue = queue, .body = body}, now_ms);
}

inline storage::read_records read_from(const storage::message_store& store, const topic_queue& queue, std::int64_t from,
                                       const storage::read_limits& limits = {}, const storage::record_filter& filter = {}) {
    auto read = store.read(queue, queue_offset{from}, filter, limits);
    REQUIRE_MESSAGE(read.ok(), (read ? std::string{} : to_string(read.failure())));
    return *std::move(read);
}

inline std::vector<std::string> bodies(const payload& records) {
    auto messages = protocol::decode_records(records);
    REQUIRE(messages.ok());
    std::vector<std::string> all;
    for (const auto& m : *messages) {
        all.emplace_back(m.body.view());
    }
    return all;
}

/// Bodies of every message of `queue` that can be read.
inline std::vector<std::string> all_bodies(const storage::message_store& store, const topic_queue& queue) {
    std::vector<std::string> all;
    auto at = store.bounds(queue).value().min.value();
    for (;;) {
        const auto read = read_from(store, queue, at);
        if (read.status != storage::read_status::found && read.status != storage::read_status::no_match) {
            return all;
        }
        for (auto& body : bodies(read.records)) {
            all.push_back(std::move(body));
        }
        REQUIRE(read.next.value() > at);
        at = read.next.value();
    }
}

inline void persist_all(storage::message_store& store, bool force = true) {
    for (;;) {
        auto more = store.persist_index(force);
        REQUIRE_MESSAGE(more.ok(), (more ? std::string{} : to_string(more.failure())));
        if (!*more) {
            return;
        }
    }
}

} // namespace troupe::test_support
