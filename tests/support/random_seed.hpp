#pragma once

#include <cstdint>
#include <string>

namespace troupe::test_support {

/// The seed of this test run: TROUPE_SEED from the environment if set, else `usual`. Prints it, so that a failure can be
/// repeated with `TROUPE_SEED=<n>`.
std::uint64_t random_seed(const std::string& test, std::uint64_t usual);

/// True if the environment asks for the long form of the tests that normally take a sample (TROUPE_FULL=1).
bool full_run();

} // namespace troupe::test_support
