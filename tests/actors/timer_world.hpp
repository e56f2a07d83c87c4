#pragma once

#include "actors/schedule/timer_book.hpp"
#include "protocol/property_edit.hpp"
#include "tests/actors/stored_messages.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test_support {

/// A log and the timers on it, on a disk in memory and at a time that the test sets, without actors: the test appends what the
/// timer book asks for.
struct timer_world {
    static inline const topic_queue orders{"orders", queue_id{0}};

    std::shared_ptr<fault_file_system> files;
    storage::store_options log_options;
    actors::timer_book_options book_options;
    std::shared_ptr<storage::message_store> log;
    std::unique_ptr<actors::timer_book> book;
    std::vector<std::string> warned;
    std::string refusal; ///< why open() did not
    timestamp_ms now{1'000'000};
    std::int64_t batches = 0; ///< appended

    explicit timer_world(std::uint64_t seed = 1, storage::flush_mode flush = storage::flush_mode::sync)
        : files{fault_file_system::make(seed)} {
        log_options.directory = "/store";
        log_options.segment_bytes = 1 << 20;
        log_options.disk_reserve_bytes = 0;
        log_options.block_cache_bytes = 256u << 10;
        log_options.flush = flush;
        book_options.batch = {4, 64u << 10};
        book_options.intake = {5, 64u << 10};
        book_options.checkpoints_wait = true;
    }

    /// False: the disk does not let it.
    bool open() { return open_log() && open_book(); }
    bool open_log() {
        auto opened = storage::message_store::open(files, log_options);
        if (!opened) {
            refusal = to_string(opened.failure());
            return false;
        }
        log = std::move(*opened);
        topic_config topic;
        topic.name = orders.topic;
        book_options.log = log;
        book_options.topics = std::make_shared<actors::topic_directory>(
            std::make_shared<const actors::topic_snapshot>(permission::read_write, 0, std::vector<topic_config>{topic}));
        book_options.warn = [this](const std::string& text) { warned.push_back(text); };
        const auto ends = actors::find_timer_log_ends(*log);
        if (!ends) {
            refusal = to_string(ends.failure());
            return false;
        }
        book_options.ends = *ends;
        return true;
    }
    bool open_book() {
        auto timers = storage::timer_store::open(files, "/store/timers", {256u << 10, 256u << 10});
        if (!timers) {
            refusal = to_string(timers.failure());
            return false;
        }
        book = std::make_unique<actors::timer_book>(book_options, std::move(*timers));
        return true;
    }
    void close() {
        book.reset();
        log.reset();
        book_options.log.reset();
    }
    /// The process is gone; `mode` is what the disk keeps. Opens what is left.
    bool crash(crash_mode mode) {
        files->crash(mode);
        return restart();
    }
    bool restart() {
        close();
        files = files->restart();
        return open();
    }

    [[nodiscard]] static protocol::message draft(const std::string& key, const std::string& body) {
        protocol::message message;
        message.topic = orders.topic;
        message.body = payload{body};
        protocol::set_property(message.properties, protocol::property_name::unique_key, key);
        return message;
    }
    /// Stores messages and makes them durable; false: the disk does not let it.
    bool append(const std::vector<protocol::message>& messages) {
        std::vector<storage::unplaced_records> records;
        for (const auto& message : messages)
            records.push_back({{message.topic, message.queue}, *protocol::encode_record(message), 1});
        const auto placed = log->append(std::move(records), now);
        return placed && (log_options.flush == storage::flush_mode::async || log->flush());
    }
    /// A timer whose key is its body.
    bool park(const std::string& key, std::int64_t due_ms) {
        auto message = draft(key, key);
        actors::park_timer(message, timestamp_ms{due_ms});
        return append({message});
    }
    /// True: accepted, and stored.
    bool recall(const std::string& key) {
        if (book->recall(orders.topic, key) != actors::timer_book::recall_outcome::accepted)
            return false;
        if (append({actors::make_recall(orders.topic, key, now + 1)}))
            return true;
        book->recall_failed(orders.topic, key);
        return false;
    }
    /// One step and, if it asks for it, one append. True: there is more to do at once.
    bool step() {
        auto done = book->next(now);
        if (!done.append)
            return done.again;
        const auto placed = log->append(std::move(done.append->records), now);
        if (placed && (log_options.flush == storage::flush_mode::async || log->flush())) {
            ++batches;
            book->appended(placed->back());
        } else {
            book->not_appended(now);
        }
        return true;
    }
    /// Until there is nothing more to do at this time.
    void run() {
        for (int i = 0; step(); ++i)
            REQUIRE(i < 100'000);
    }
    void run_at(std::int64_t ms) {
        now = timestamp_ms{ms};
        run();
    }

    [[nodiscard]] std::vector<protocol::message> delivered() const { return stored_messages(*log, orders); }
    [[nodiscard]] std::vector<std::string> bodies() const {
        std::vector<std::string> all;
        for (const auto& message : delivered())
            all.emplace_back(message.body.view());
        return all;
    }
};

} // namespace troupe::test_support
