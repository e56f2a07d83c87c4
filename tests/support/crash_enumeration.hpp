#pragma once

#include "tests/support/fault_file_system.hpp"
#include "tests/support/random_seed.hpp"

#include <cstdint>
#include <functional>
#include <iterator>
#include <random>
#include <utility>
#include <vector>

namespace troupe::test_support {

/// Calls `crash` with a plan for each call to a file system from `first` to `last`, each kind of crash, before the call and after it, and
/// counts how often it answered that the crash came. The usual run takes about one of `one_of` calls, with the kinds in turn; TROUPE_FULL=1
/// takes everything.
inline std::uint64_t enumerate_crashes(std::uint64_t first, std::uint64_t last,
                                       const std::function<bool(std::uint64_t call, const fault_plan& plan)>& crash,
                                       std::uint64_t one_of = 1) {
    constexpr std::uint64_t kinds = 2 * std::size(all_crash_modes);
    std::uint64_t crashes = 0;
    std::uint64_t turn = 0;
    for (std::uint64_t call = first; call <= last; ++call)
        for (const auto mode : all_crash_modes)
            for (const bool before : {true, false}) {
                if (!full_run() && ++turn % (one_of * kinds + 1) != 0)
                    continue;
                fault_plan plan;
                (before ? plan.crash_before : plan.crash_after) = call;
                plan.mode = mode;
                crashes += crash(call, plan) ? 1u : 0u;
            }
    return crashes;
}

/// Calls `crash` for each of so many walks, with plans for crashes one after the other: the first within the first hundreds of calls, the
/// others soon after a start, or while it goes on. One that only kills the process leaves what was unsynced to the next. Counts what
/// `crash` answers: how many came.
inline std::uint64_t walk_crashes(std::uint64_t seed, std::uint64_t walks,
                                  const std::function<std::uint64_t(std::uint64_t number, std::vector<fault_plan> plans)>& crash) {
    constexpr int crashes_per_walk = 4;
    constexpr std::uint64_t first_calls = 350;
    constexpr std::uint64_t later_calls = 120;
    std::mt19937_64 random{seed};
    std::uint64_t crashes = 0;
    for (std::uint64_t number = 0; number < walks; ++number) {
        std::vector<fault_plan> plans;
        for (int i = 0; i < crashes_per_walk; ++i) {
            fault_plan plan;
            (random() % 2 == 0 ? plan.crash_before : plan.crash_after) = 1 + random() % (i == 0 ? first_calls : later_calls);
            const auto mode = random() % (std::size(all_crash_modes) + 2);
            plan.mode = mode < std::size(all_crash_modes) ? all_crash_modes[mode] : crash_mode::kill;
            plans.push_back(plan);
        }
        crashes += crash(number, std::move(plans));
    }
    return crashes;
}

} // namespace troupe::test_support
