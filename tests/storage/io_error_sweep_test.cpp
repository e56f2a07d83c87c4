#include "tests/storage/store_workload.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <iterator>
#include <string>

using namespace troupe;
using namespace troupe::test_support;

// Goal: no failing call, reads included, leads to an acknowledgement of what is then lost, nor to wrong answers later.
// How:  a script of over 500 calls runs once for each call and each way of failing; a power cut follows, and what is left
//       is compared with what was promised. The usual run takes each call once, with the ways in turn; TROUPE_FULL=1 takes
//       every way at every call.

TEST_CASE("I/O error sweep: every call failing once, each way, never acknowledges what is lost") {
    const auto seed = random_seed("I/O error sweep", 1);
    const auto whole = fault_file_system::make(seed);
    whole->set_plan({.count_reads = true});
    const auto usual = run_store_workload(whole);
    REQUIRE(usual.is_complete);
    const auto calls = whole->calls();
    MESSAGE(calls, " calls");
    REQUIRE(calls >= 500);

    std::uint64_t failures = 0;
    std::uint64_t turn = 0;
    for (std::uint64_t call = 1; call <= calls; ++call)
        for (const auto fault : all_call_faults) {
            if (!full_run() && ++turn % (std::size(all_call_faults) + 1) != 0)
                continue;
            const auto files = fault_file_system::make(seed + call);
            files->set_plan({.fail_call = call, .fault = fault, .count_reads = true});
            const auto promised = run_store_workload(files);
            failures += files->hit().empty() ? 0u : 1u;
            INFO("seed ", seed, ", ", files->hit());
            files->set_plan({});
            files->crash(turn % 2 == 0 ? crash_mode::drop_unsynced : crash_mode::torn_sectors);
            check_store(files->restart(), promised, usual);
        }
    MESSAGE(failures, " failures");
    CHECK(failures > calls / 2);
}
