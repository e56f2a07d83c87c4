#include "storage/timer_store.hpp"

#include "tests/support/fault_file_system.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <random>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

constexpr timestamp_ms always = no_timer_key.due;

std::unique_ptr<timer_store> open_timers(const std::shared_ptr<fault_file_system>& files) {
    auto store = timer_store::open(files, "/timers", {.memory_bytes = 256u << 10, .block_cache_bytes = 256u << 10});
    REQUIRE_MESSAGE(store.ok(), (store ? std::string{} : to_string(store.failure())));
    return *std::move(store);
}

stored_timer timer(std::int64_t due, std::int64_t position, std::string record = "record", std::uint64_t hash = 7) {
    return {{timestamp_ms{due}, log_position{position}}, hash, std::move(record)};
}

timer_changes adding(std::vector<stored_timer> timers, std::int64_t taken) {
    return {std::move(timers), {}, {queue_offset{taken}, queue_offset{0}}};
}

std::vector<std::int64_t> dues(const timers_read& read) {
    std::vector<std::int64_t> all;
    for (const auto& one : read.timers)
        all.push_back(one.key.due.value());
    return all;
}

} // namespace

TEST_CASE("timer_store: timers come back in the order in which they are due, whole") {
    auto store = open_timers(fault_file_system::make(1));
    CHECK(store->lowest() == no_timer_key);
    const std::string large(5'000, 'x');
    REQUIRE(store->change(adding({timer(300, 1), timer(100, 2, large, 9), timer(200, 4), timer(200, 3, "earlier")}, 4)).ok());
    CHECK(store->pending() == 4);
    CHECK(store->progress().taken == queue_offset{4});
    CHECK(store->lowest() == timer(100, 2).key);

    const auto due = store->read(first_timer_key, timestamp_ms{200}, {}).value();
    CHECK(dues(due) == std::vector<std::int64_t>{100, 200, 200});
    CHECK(due.timers[0].record == large);
    CHECK(due.timers[0].name_hash == 9);
    CHECK(due.timers[1].record == "earlier");
    CHECK(due.next == timer(300, 1).key);
    CHECK(store->read(timer(200, 4).key, always, {}).value().timers.size() == 2);
    CHECK(store->read(timer(300, 2).key, always, {}).value().next == no_timer_key);
    CHECK(store->get(timer(200, 3).key).value().record == "earlier");
    CHECK(store->get(timer(200, 5).key).code() == errc::message_not_found);
}

TEST_CASE("timer_store: one read is bounded in timers and bytes, and returns at least one") {
    auto store = open_timers(fault_file_system::make(2));
    REQUIRE(store->change(adding({timer(1, 1, std::string(1'000, 'a')), timer(2, 2, std::string(1'000, 'b')), timer(3, 3)}, 3)).ok());
    CHECK(dues(store->read(first_timer_key, always, {.timers_max = 2}).value()) == std::vector<std::int64_t>{1, 2});
    const auto one = store->read(first_timer_key, always, {.bytes_max = 10}).value();
    CHECK(dues(one) == std::vector<std::int64_t>{1});
    CHECK(one.next == timer(2, 2).key);
    CHECK(dues(store->read(one.next, always, {.bytes_max = 1'500}).value()) == std::vector<std::int64_t>{2, 3});
}

TEST_CASE("timer_store: a timer is found by the hash of its name, until it is removed") {
    auto store = open_timers(fault_file_system::make(3));
    const auto hash = timer_name_hash("orders", "KEY");
    CHECK(hash != timer_name_hash("order", "sKEY"));
    REQUIRE(store->change(adding({timer(5, 1, "a", hash), timer(4, 2, "b", hash), timer(3, 3, "c", hash + 1)}, 3)).ok());
    CHECK(store->find(hash, 9).value() == std::vector{timer(4, 2).key, timer(5, 1).key});
    CHECK(store->find(hash, 1).value().size() == 1);
    timer_changes removal;
    removal.remove = {{timer(4, 2).key, hash}};
    removal.after = {queue_offset{3}, queue_offset{1}};
    REQUIRE(store->change(removal).ok());
    CHECK(store->find(hash, 9).value() == std::vector{timer(5, 1).key});
    CHECK(store->pending() == 2);
    CHECK(store->progress() == timer_progress{queue_offset{3}, queue_offset{1}});
}

// Goal: what a crash leaves is a state that the store had, and after flush() no older one.
// How:  random changes on a disk that crashes in every way at random calls; each state is kept beside.
TEST_CASE("timer_store: timers and progress fit each other after any crash") {
    const auto seed = random_seed("timer_store crash", 11);
    for (const auto mode : all_crash_modes) {
        std::mt19937_64 random{seed};
        auto files = fault_file_system::make(seed);
        std::map<std::int64_t, std::map<timer_key, std::string>> states{{0, {}}}; // by progress
        std::map<timer_key, std::string> timers;
        std::int64_t step = 0;
        std::int64_t flushed = 0;
        for (int life = 0; life < 12; ++life) {
            auto store = open_timers(files);
            // What is there must be one of the states since the last flush.
            const auto found = store->progress().taken.value();
            INFO("seed ", seed, ", ", to_string(mode), ", life ", life, ", ", files->hit());
            REQUIRE(found >= flushed);
            REQUIRE(states.contains(found));
            timers = states.at(found);
            CHECK(store->pending() == timers.size());
            std::map<timer_key, std::string> there;
            for (auto& one : store->read(first_timer_key, always, {1 << 20, 1u << 30}).value().timers)
                there.emplace(one.key, one.record);
            REQUIRE(there == timers);
            if (!timers.empty())
                CHECK(store->lowest() <= timers.begin()->first);
            step = found;
            states = {{step, timers}};
            flushed = step;
            files->set_plan({.crash_before = files->calls() + 1 + random() % 60, .mode = mode});
            for (int i = 0; i < 200 && !files->crashed(); ++i) {
                timer_changes changes;
                auto after = timers;
                for (auto n = random() % 20; n > 0; --n) {
                    auto one = timer(static_cast<std::int64_t>(random() % 1'000), static_cast<std::int64_t>(random() >> 20),
                                     std::string(random() % 2'000, 'r'), random() % 4);
                    after.emplace(one.key, one.record);
                    changes.add.push_back(std::move(one));
                }
                if (!timers.empty() && random() % 2 == 0) {
                    const auto gone = store->get(timers.begin()->first);
                    if (!gone)
                        break;
                    changes.remove.push_back({gone->key, gone->name_hash});
                    after.erase(gone->key);
                }
                changes.after.taken = queue_offset{++step};
                if (!store->change(changes))
                    break;
                timers = after;
                states[step] = timers;
                if (random() % 16 == 0 && store->flush(true) && !files->crashed())
                    flushed = step;
            }
            store.reset();
            files->crash(mode);
            files = files->restart();
        }
    }
}

TEST_CASE("timer_store: after a failed write every call fails until it is opened again, at the last durable state") {
    auto files = fault_file_system::make(4);
    auto store = open_timers(files);
    REQUIRE(store->change(adding({timer(1, 1)}, 1)).ok());
    REQUIRE(store->flush(true).ok());
    REQUIRE(store->change(adding({timer(2, 2)}, 2)).ok());
    files->set_hook([](const call_info& call) { return call.kind == call_kind::write ? std::optional{call_fault::io} : std::nullopt; });
    CHECK(store->flush(true).code() == errc::io);
    CHECK(store->change(adding({timer(3, 3)}, 3)).code() == errc::io);
    CHECK(store->read(first_timer_key, always, {}).code() == errc::io);
    CHECK_FALSE(store->reopen().ok());
    CHECK(store->find(7, 1).code() == errc::io);
    files->set_hook(nullptr);
    REQUIRE(store->reopen().ok());
    CHECK(store->progress().taken == queue_offset{1});
    CHECK(dues(store->read(first_timer_key, always, {}).value()) == std::vector<std::int64_t>{1});
    REQUIRE(store->change(adding({timer(2, 2)}, 2)).ok());
}

TEST_CASE("timer_store: a full disk refuses timers and breaks nothing") {
    auto files = fault_file_system::make(5);
    auto store = open_timers(files);
    files->set_capacity(1u << 20);
    CHECK(store->change(adding({timer(1, 1)}, 1)).code() == errc::disk_full);
    files->set_capacity({});
    CHECK(store->change(adding({timer(1, 1)}, 1)).ok());
}

TEST_CASE("timer_store: somebody else's directory, and one that lost its state, are refused") {
    auto files = fault_file_system::make(6);
    files->put("/timers/000012.blob", "records");
    const auto opened = timer_store::open(files, "/timers", {});
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.code() == errc::corrupt);
    CHECK(opened.failure().text.find("CURRENT") != std::string::npos);
}

TEST_CASE("timer_store: what was delivered is not walked over again after a restart") {
    auto files = fault_file_system::make(7);
    {
        auto store = open_timers(files);
        timer_changes changes = adding({}, 1);
        for (std::int64_t i = 0; i < 3'000; ++i)
            changes.add.push_back(timer(i, i));
        REQUIRE(store->change(changes).ok());
        timer_changes removal;
        for (std::int64_t i = 0; i < 2'990; ++i)
            removal.remove.push_back({timer(i, i).key, 7});
        removal.after = {queue_offset{1}, queue_offset{1}};
        REQUIRE(store->change(removal).ok());
        CHECK(dues(store->read(first_timer_key, always, {.timers_max = 1}).value()) == std::vector<std::int64_t>{2'990});
        CHECK(store->lowest() == timer(2'990, 2'990).key);
        REQUIRE(store->change(adding({}, 2)).ok());
        REQUIRE(store->flush(true).ok());
    }
    CHECK(open_timers(files)->lowest() == timer(2'990, 2'990).key);
}
