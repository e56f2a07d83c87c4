#include "actors/pop/pop_book.hpp"

#include "protocol/message_codec.hpp"
#include "tests/support/crash_enumeration.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

// Goal: whatever call to the file system a crash meets, no message is lost, and none comes back whose acknowledgement was answered; in
//       flush mode async the second holds for crashes of the process.
// How:  a script sends messages, pops them, acknowledges some, gives some back, lets time pass and restarts in order; it runs once for each
//       call and each kind of crash, before and after the call. What is left is opened, and everything is popped and acknowledged. The
//       usual run takes a sample; TROUPE_FULL=1 takes every kind at every call.

namespace {

const topic_queue orders{"orders", queue_id{0}};

struct pop_world {
    std::shared_ptr<fault_file_system> files;
    storage::store_options options;
    std::shared_ptr<storage::message_store> log;
    std::unique_ptr<pop_book> book;
    std::string refusal;
    timestamp_ms now{1'000'000};

    explicit pop_world(std::uint64_t seed, storage::flush_mode flush) : files{fault_file_system::make(seed)} {
        options.directory = "/store";
        options.segment_bytes = 1 << 20;
        options.disk_reserve_bytes = 0;
        options.block_cache_bytes = 256u << 10;
        options.flush = flush;
    }
    /// False: the disk does not let it.
    bool open() {
        auto opened = storage::message_store::open(files, options);
        if (!opened) {
            refusal = to_string(opened.failure());
            return false;
        }
        log = std::move(*opened);
        auto store = storage::pop_store::open(files, "/store/pop", {256u << 10});
        if (!store) {
            refusal = to_string(store.failure());
            return false;
        }
        const auto popped = (*store)->load();
        if (!popped) {
            refusal = to_string(popped.failure());
            return false;
        }
        pop_book_options book_options;
        book_options.log = log;
        book = std::make_unique<pop_book>(std::move(book_options), std::move(*store), *popped);
        return true;
    }
    void close() {
        book.reset();
        log.reset();
    }
    bool restart() {
        close();
        files = files->restart();
        return open();
    }
    /// True: it is stored, and may be told.
    bool send(const std::string& body) {
        protocol::message message;
        message.topic = orders.topic;
        message.body = payload{body};
        std::vector<storage::unplaced_records> records;
        records.push_back({orders, *protocol::encode_record(message), 1});
        const auto placed = log->append(std::move(records), now);
        return placed && (options.flush == storage::flush_mode::async || log->flush());
    }
    [[nodiscard]] bool write() const { return book->write(options.flush == storage::flush_mode::sync).written.ok(); }

    /// Bodies by offset; nothing when the disk does not let it.
    std::map<queue_offset, std::string> pop(std::int32_t messages_max, std::int64_t invisible_ms, timestamp_ms& popped) {
        checked_pop order;
        order.pop.group = "billing";
        order.pop.topic = orders.topic;
        order.pop.messages_max = messages_max;
        order.pop.invisible_ms = invisible_ms;
        order.queues = 1;
        order.deliveries_max = 1'000;
        auto attempt = book->try_pop(order, now);
        for (const auto& key : attempt.unknown)
            if (!book->open(key, std::nullopt, false))
                return {};
        if (!attempt.unknown.empty())
            attempt = book->try_pop(order, now);
        if (attempt.failure.code != errc::none || !attempt.found || !write())
            return {};
        popped = attempt.answer.popped;
        std::map<queue_offset, std::string> found;
        const auto messages = protocol::decode_records(attempt.answer.records);
        REQUIRE(messages.ok());
        for (const auto& message : *messages)
            found.emplace(message.offset, message.body.view());
        return found;
    }
    bool acknowledge(queue_offset offset, timestamp_ms popped) {
        return book->acknowledge({"billing", orders}, {offset}, popped).front() == pop_table::ack_outcome::done && write();
    }
};

struct promised_messages {
    std::set<std::string> stored; ///< acknowledged to the producer
    std::set<std::string> done;   ///< acknowledgement answered
    std::set<std::string> maybe_done;
    bool is_complete = false;
};

bool run_script(pop_world& world, promised_messages& promised) {
    if (!world.open())
        return false;
    const auto ends = [&world] { return world.files->crashed() || world.book->is_broken(); };
    int number = 0;
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 6; ++i) {
            const auto body = "m" + std::to_string(number++);
            if (world.send(body))
                promised.stored.insert(body);
        }
        timestamp_ms popped;
        const auto taken = world.pop(4, 1'000, popped);
        int place = 0;
        for (const auto& [offset, body] : taken) {
            if (place % 3 == 2) { // given back
                if (world.book->change_visibility({"billing", orders}, offset, popped, world.now, 100))
                    static_cast<void>(world.write());
            } else if (place % 3 == 0) {
                promised.maybe_done.insert(body);
                if (world.acknowledge(offset, popped))
                    promised.done.insert(body);
            }
            ++place;
        }
        if (ends())
            return false;
        world.now = world.now + 700;
        timestamp_ms again;
        for (const auto& [offset, body] : world.pop(3, 50, again)) {
            promised.maybe_done.insert(body);
            if (world.acknowledge(offset, again))
                promised.done.insert(body);
        }
        if (ends())
            return false;
        if (round == 2) { // an orderly restart
            world.close();
            if (!world.open())
                return false;
        }
    }
    promised.is_complete = !ends();
    return promised.is_complete;
}

void check(pop_world& world, const promised_messages& promised, bool loses_unsynced) {
    world.files->set_plan({});
    REQUIRE_MESSAGE(world.restart(), world.refusal);
    std::set<std::string> delivered;
    for (int i = 0; i < 100; ++i) {
        world.now = world.now + 100'000;
        timestamp_ms popped;
        const auto taken = world.pop(5, 10, popped);
        if (taken.empty())
            break;
        for (const auto& one : taken) {
            delivered.insert(one.second);
            CHECK(world.acknowledge(one.first, popped));
        }
    }
    if (!loses_unsynced) {
        for (const auto& body : promised.done)
            CHECK_MESSAGE(!delivered.contains(body), body, " was done");
        for (const auto& body : promised.stored)
            if (!promised.maybe_done.contains(body))
                CHECK_MESSAGE(delivered.contains(body), body, " is lost");
    }
    CHECK(world.book->leases() == 0);
    // And it goes on.
    REQUIRE(world.send("after"));
    timestamp_ms popped;
    const auto last = world.pop(5, 10, popped);
    REQUIRE(last.size() == 1);
    CHECK(last.begin()->second == "after");
}

void enumerate(storage::flush_mode flush, std::uint64_t seed) {
    std::uint64_t calls = 0;
    {
        pop_world world{seed, flush};
        promised_messages promised;
        REQUIRE(run_script(world, promised));
        calls = world.files->calls();
        CHECK(promised.stored.size() == 30);
        CHECK(promised.done.size() > 15);
        check(world, promised, false);
    }
    MESSAGE(calls, " calls");
    REQUIRE(calls >= 100);
    const auto crashes = enumerate_crashes(1, calls, [&](std::uint64_t call, const fault_plan& plan) {
        pop_world world{seed + call, flush};
        world.files->set_plan(plan);
        promised_messages promised;
        run_script(world, promised);
        const auto hit = world.files->hit();
        INFO("seed ", seed, ", ", to_string(plan.mode), ", ", hit);
        check(world, promised, flush == storage::flush_mode::async && plan.mode != crash_mode::keep_all);
        return !hit.empty();
    });
    MESSAGE(crashes, " crashes");
    CHECK(crashes > calls / 2);
}

} // namespace

TEST_CASE("pop crash enumeration: a crash at any call loses no message, and brings back none that is done") {
    enumerate(storage::flush_mode::sync, random_seed("pop crash enumeration", 1));
}

TEST_CASE("pop crash enumeration: in flush mode async the same holds for crashes of the process") {
    enumerate(storage::flush_mode::async, random_seed("pop crash enumeration, async", 2));
}
