#include "tests/storage/store_workload.hpp"
#include "tests/support/crash_enumeration.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using namespace troupe::test_support;

// Goal: whatever call to the file system a crash meets, nothing acknowledged is lost, order is kept, nothing appears that
//       was never sent, and the index is what the log says.
// How:  a script of over 500 calls, RocksDB's included, runs once for each call and each kind of crash, before and after
//       the call; what survives is opened again and compared with what was promised. The usual run takes each call once,
//       with the kinds of crash in turn; TROUPE_FULL=1 takes every kind at every call.

TEST_CASE("crash enumeration: a crash at any call loses nothing that was acknowledged") {
    const auto seed = random_seed("crash enumeration", 1);
    const auto whole = fault_file_system::make(seed);
    const auto usual = run_store_workload(whole);
    REQUIRE(usual.is_complete);
    const auto calls = whole->calls();
    MESSAGE(calls, " calls");
    REQUIRE(calls >= 500);
    check_store(whole->restart(), usual, usual);

    const auto crashes = enumerate_crashes(1, calls, [&](std::uint64_t call, const fault_plan& plan) {
        const auto files = fault_file_system::make(seed + call);
        files->set_plan(plan);
        const auto promised = run_store_workload(files);
        INFO("seed ", seed, ", ", to_string(plan.mode), ", ", files->hit());
        check_store(files->restart(), promised, usual);
        // RocksDB works in the background, so the number of calls varies a little from run to run.
        return !files->hit().empty();
    });
    MESSAGE(crashes, " crashes");
    CHECK(crashes > calls / 2);
}
