#pragma once

#include <cstdint>

namespace troupe::scenario {

/// What a scenario run was told: `--rounds N` or $TROUPE_ROUNDS, `--seed N` or $TROUPE_SEED.
struct arguments {
    int rounds = 20;
    std::uint64_t seed = 0; ///< chosen from the clock when not given; printed at the start
};
const arguments& given();

} // namespace troupe::scenario
