#include "storage/pop_store.hpp"

#include "storage/pop_format.hpp"
#include "tests/support/fault_file_system.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

namespace {

std::unique_ptr<pop_store> open_pops(const std::shared_ptr<fault_file_system>& files) {
    auto store = pop_store::open(files, "/pop", {.block_cache_bytes = 256u << 10});
    REQUIRE_MESSAGE(store.ok(), (store ? std::string{} : to_string(store.failure())));
    return *std::move(store);
}

progress_key key(const std::string& group, std::int32_t queue = 0, const std::string& topic = "orders") {
    return {group, {topic, queue_id{queue}}};
}
pop_lease lease(std::int64_t offset, std::int64_t visible = 2'000, std::int64_t popped = 1'000, std::int32_t deliveries = 1) {
    return {queue_offset{offset}, timestamp_ms{visible}, timestamp_ms{popped}, timestamp_ms{popped - 5}, deliveries};
}
popped_queue_changes leased(std::int64_t next, const std::vector<pop_lease>& leases) {
    popped_queue_changes changes;
    changes.next = queue_offset{next};
    for (const auto& one : leases)
        changes.leases.emplace(one.offset, one);
    return changes;
}
popped_queue_changes removed(std::int64_t offset) {
    popped_queue_changes changes;
    changes.leases.emplace(queue_offset{offset}, std::nullopt);
    return changes;
}

} // namespace

TEST_CASE("pop_store: what was popped is there again after a restart, by group, topic and queue") {
    auto files = fault_file_system::make(1);
    {
        auto store = open_pops(files);
        CHECK(store->load()->empty());
        REQUIRE(store->change({{key("b"), leased(7, {lease(3, 9'000, 8'000, 4), lease(6)})}, {key("a", 2), leased(1, {})}}, true).ok());
        REQUIRE(store->change({{key("b"), removed(6)}, {key("ab", 300), leased(2, {lease(1)})}}, false).ok());
    }
    const auto loaded = open_pops(files)->load().value();
    CHECK(loaded == std::vector<popped_queue_state>{{key("a", 2), queue_offset{1}, {}},
                                                    {key("ab", 300), queue_offset{2}, {lease(1)}},
                                                    {key("b"), queue_offset{7}, {lease(3, 9'000, 8'000, 4)}}});
}

TEST_CASE("pop_store: forgetting a queue leaves its neighbours alone, and what comes in the same change stays") {
    auto store = open_pops(fault_file_system::make(2));
    const auto all = leased(9, {lease(1), lease(8)});
    REQUIRE(store->change({{key("g", 1), all}, {key("g", 2), all}, {key("g", 3), all}, {key("g2", 2), all}}, true).ok());
    auto anew = leased(4, {lease(2)});
    anew.forget = true;
    popped_queue_changes gone;
    gone.forget = true;
    REQUIRE(store->change({{key("g", 2), anew}, {key("g", 3), gone}}, true).ok());
    const auto loaded = store->load().value();
    REQUIRE(loaded.size() == 3);
    CHECK(loaded[0].leases.size() == 2);
    CHECK(loaded[1] == popped_queue_state{key("g", 2), queue_offset{4}, {lease(2)}});
    CHECK(loaded[2].key == key("g2", 2));
}

TEST_CASE("pop_format: rows are those of the format page, and nothing else is read") {
    const auto row = pop_lease_row_key(key("billing", 2), queue_offset{300});
    CHECK(row == std::string{"lbilling\0orders\0\0\0\0\2\0\0\0\0\0\0\1\x2c", 28});
    CHECK(pop_lease_of_row(row) == std::pair{key("billing", 2), queue_offset{300}});
    CHECK(popped_queue_of_row(popped_queue_row_key(key("g", 7, "t"))) == key("g", 7, "t"));
    CHECK(decode_next(encode_next(queue_offset{5})) == queue_offset{5});
    CHECK(decode_pop_lease(queue_offset{1}, encode(lease(1))) == lease(1));
    for (std::size_t cut = 0; cut < row.size(); ++cut) {
        CHECK_FALSE(pop_lease_of_row(row.substr(0, cut)).has_value());
        CHECK_FALSE(popped_queue_of_row(row.substr(0, cut)).has_value());
    }
    CHECK_FALSE(decode_pop_lease(queue_offset{1}, encode(lease(1)) + "x").has_value());
    CHECK_FALSE(decode_pop_lease(queue_offset{1}, encode(lease(1, 1'000, 1'000))).has_value()); // visible before it was popped
    CHECK_FALSE(decode_pop_lease(queue_offset{1}, encode(lease(1, 2, 1, 0))).has_value());
    CHECK_FALSE(decode_next(encode_next(queue_offset{-1})).has_value());
}

TEST_CASE("pop_store: a lease that belongs to nothing is reported as damage, with its key") {
    auto files = fault_file_system::make(3);
    auto store = open_pops(files);
    popped_queue_changes orphan;
    orphan.leases.emplace(queue_offset{1}, lease(1));
    REQUIRE(store->change({{key("lonely"), orphan}}, true).ok());
    const auto loaded = store->load();
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.code() == errc::corrupt);
    CHECK(loaded.failure().text.find("lonely") != std::string::npos);
}

TEST_CASE("pop_store: after a failed write every call fails until it is opened again") {
    auto files = fault_file_system::make(4);
    auto store = open_pops(files);
    REQUIRE(store->change({{key("g"), leased(1, {})}}, true).ok());
    files->set_hook([](const call_info& call) { return call.kind == call_kind::write ? std::optional{call_fault::io} : std::nullopt; });
    CHECK(store->change({{key("g"), leased(2, {})}}, true).code() == errc::io);
    CHECK(store->load().code() == errc::io);
    CHECK_FALSE(store->reopen().ok());
    CHECK(store->change({{key("g"), leased(2, {})}}, true).code() == errc::io);
    files->set_hook(nullptr);
    REQUIRE(store->reopen().ok());
    CHECK(store->load()->size() == 1);
    REQUIRE(store->change({{key("g"), leased(3, {})}}, true).ok());
    CHECK(store->load()->front().next == queue_offset{3});
}

TEST_CASE("pop_store: a full disk refuses changes and breaks nothing") {
    auto files = fault_file_system::make(5);
    auto store = open_pops(files);
    files->set_capacity(1u << 20);
    CHECK(store->change({{key("g"), leased(1, {})}}, true).code() == errc::disk_full);
    files->set_capacity({});
    CHECK(store->change({{key("g"), leased(1, {})}}, true).ok());
}

TEST_CASE("pop_store: somebody else's directory, and one that lost its state, are refused") {
    auto files = fault_file_system::make(6);
    files->put("/pop/000012.log", "changes");
    const auto opened = pop_store::open(files, "/pop");
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.code() == errc::corrupt);
    CHECK(opened.failure().text.find("CURRENT") != std::string::npos);
}

// Goal: after a crash at any call the store holds a state that it had: at least the last that was synced, and no part of one.
// How:  random changes until the crash, the states after each; what is left must be one of them.
TEST_CASE("pop_store: a crash leaves a state that was there, and none before the last sync") {
    const auto seed = random_seed("pop_store", 7);
    std::mt19937_64 random{seed};
    for (const auto mode : all_crash_modes) {
        auto files = fault_file_system::make(random());
        std::map<int, std::vector<popped_queue_state>> states{{0, {}}};
        int synced = 0;
        int step = 0;
        std::vector<popped_queue_state> now;
        for (int round = 0; round < 12; ++round) {
            auto opened = pop_store::open(files, "/pop", {.block_cache_bytes = 256u << 10});
            REQUIRE_MESSAGE(opened.ok(), (opened ? std::string{} : to_string(opened.failure())));
            auto& store = *opened;
            now = store->load().value();
            bool is_known = false;
            for (auto state = states.lower_bound(synced); state != states.end(); ++state)
                is_known = is_known || state->second == now;
            CAPTURE(round);
            CHECK(is_known);
            states = {{step, now}};
            synced = step;
            files->set_plan({.crash_before = files->calls() + 1 + random() % 60, .mode = mode});
            for (int i = 0; i < 200 && !files->crashed(); ++i) {
                pop_changes changes;
                auto after = now;
                const auto which = key("g" + std::to_string(random() % 3), static_cast<std::int32_t>(random() % 2));
                auto place = std::find_if(after.begin(), after.end(), [&](const auto& one) { return one.key == which; });
                if (place == after.end()) {
                    place = std::find_if(after.begin(), after.end(), [&](const auto& one) { return which < one.key; });
                    place = after.insert(place, {which, queue_offset{0}, {}});
                }
                auto& change = changes[which];
                if (random() % 3 == 0 && !place->leases.empty()) {
                    change.leases.emplace(place->leases.front().offset, std::nullopt);
                    place->leases.erase(place->leases.begin());
                }
                const auto popped = lease(place->next.value(), 5'000 + static_cast<std::int64_t>(random() % 1'000));
                place->leases.push_back(popped);
                ++place->next;
                change.next = place->next;
                change.leases.insert_or_assign(popped.offset, popped);
                const bool sync = random() % 2 == 0;
                states[++step] = after; // a change that failed may be there
                if (!store->change(changes, sync))
                    break;
                now = after;
                if (sync)
                    synced = step;
            }
            opened = error{errc::io, "gone"};
            files->crash(mode);
            files = files->restart();
        }
    }
}
