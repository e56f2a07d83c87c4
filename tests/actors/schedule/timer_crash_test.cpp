#include "tests/actors/timer_world.hpp"
#include "tests/support/crash_enumeration.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

// Goal: whatever call to the file system a crash meets, no timer is lost or early, what was recalled stays recalled, and what was
//       delivered is not delivered again but for the part of a batch that was torn while it was written.
// How:  a script sends timers, recalls some, lets time pass, makes checkpoints and restarts in order; it runs once for each call and
//       each kind of crash, before and after the call. What is left is opened, time goes to the end, and the deliveries are compared
//       with what was promised. The usual run takes a sample; TROUPE_FULL=1 takes every kind at every call.

namespace {

struct promised_timers {
    std::map<std::string, std::int64_t> due; ///< by key, of everything that was ever handed to the log
    std::set<std::string> acknowledged;
    std::set<std::string> recalled;       ///< acknowledged to be
    std::set<std::string> maybe_recalled; ///< asked for, the outcome is open
    bool is_complete = false;
};

constexpr std::int64_t start_ms = 1'000'000;
constexpr std::int64_t end_ms = start_ms + 10'000'000;

bool run_timer_script(timer_world& world, promised_timers& promised) {
    world.book_options.checkpoint_bytes = 3'000;
    if (!world.open())
        return false;
    const auto ends = [&world] { return world.files->crashed() || world.log->state() != storage::store_state::open; };
    int number = 0;
    const auto park = [&](std::int64_t in_ms) {
        const auto key = "k" + std::to_string(number++);
        promised.due[key] = world.now.value() + in_ms;
        if (world.park(key, promised.due[key]))
            promised.acknowledged.insert(key);
    };
    const auto recall = [&](const std::string& key) {
        promised.maybe_recalled.insert(key);
        if (world.recall(key))
            promised.recalled.insert(key);
    };
    const auto run_at = [&](std::int64_t ms) {
        world.now = timestamp_ms{ms};
        for (int i = 0; i < 10'000 && !ends() && world.step(); ++i)
            ;
    };
    for (int round = 0; round < 6; ++round) {
        const auto began = start_ms + round * 1'000;
        run_at(began);
        for (const auto in_ms : {300, 900, 100, 100, 5'000, 900, 2'500})
            park(in_ms);
        if (ends())
            return false;
        run_at(began + 50);
        recall("k" + std::to_string(round * 8 + 1)); // not due yet
        park(700);
        recall("k" + std::to_string(number - 1)); // not taken in yet
        run_at(began + 150);
        run_at(began + 950);
        if (ends())
            return false;
        if (round == 2) { // an orderly restart
            world.book->close();
            if (ends())
                return false;
            world.close();
            if (!world.open())
                return false;
        }
        if (round == 4 && !world.log->persist_index(true))
            return false;
        number = (round + 1) * 8; // keys do not depend on what failed
    }
    world.book->close();
    promised.is_complete = !ends();
    return promised.is_complete;
}

void check_timers(timer_world& world, const promised_timers& promised, bool may_tear) {
    world.files->set_plan({});
    REQUIRE_MESSAGE(world.restart(), world.refusal);
    world.now = std::max(world.now, timestamp_ms{start_ms});
    world.run();
    std::map<std::string, int> times;
    std::set<std::string> twice;
    const auto look = [&] {
        times.clear();
        for (const auto& message : world.delivered()) {
            const std::string key{message.body.view()};
            REQUIRE(promised.due.contains(key));
            CHECK_MESSAGE(message.stored.value() >= promised.due.at(key), key, " is early");
            if (++times[key] > 1)
                twice.insert(key);
        }
    };
    look();
    world.run_at(end_ms);
    look();
    for (const auto& key : promised.acknowledged)
        if (!promised.maybe_recalled.contains(key))
            CHECK_MESSAGE(times.contains(key), key, " is lost");
    for (const auto& key : promised.recalled)
        CHECK_MESSAGE(!times.contains(key), key, " was recalled");
    CHECK(twice.size() <= (may_tear ? static_cast<std::size_t>(world.book_options.batch.timers_max) : 0));
    CHECK(world.book->pending() == 0);
    CHECK(world.book->counts().lost == 0);
    // And it goes on.
    REQUIRE(world.park("after", end_ms + 5));
    world.run_at(end_ms + 5);
    CHECK(world.bodies().back() == "after");
}

} // namespace

TEST_CASE("timer crash enumeration: a crash at any call loses no timer, and brings none early or twice") {
    const auto seed = random_seed("timer crash enumeration", 1);
    std::uint64_t calls = 0;
    {
        timer_world world{seed};
        promised_timers promised;
        REQUIRE(run_timer_script(world, promised));
        calls = world.files->calls();
        CHECK(promised.recalled.size() == 12);
        check_timers(world, promised, false);
    }
    MESSAGE(calls, " calls");
    REQUIRE(calls >= 300);
    const auto crashes = enumerate_crashes(1, calls, [&](std::uint64_t call, const fault_plan& plan) {
        timer_world world{seed + call};
        world.files->set_plan(plan);
        promised_timers promised;
        run_timer_script(world, promised);
        const auto hit = world.files->hit();
        INFO("seed ", seed, ", ", to_string(plan.mode), ", ", hit);
        check_timers(world, promised, plan.mode == crash_mode::torn_sectors || plan.mode == crash_mode::torn_last_write);
        return !hit.empty();
    });
    MESSAGE(crashes, " crashes");
    CHECK(crashes > calls / 2);
}
