#include "tests/support/random_seed.hpp"

#include <cstdio>
#include <cstdlib>

namespace troupe::test_support {

std::uint64_t random_seed(const std::string& test, std::uint64_t usual) {
    std::uint64_t seed = usual;
    if (const char* text = std::getenv("TROUPE_SEED"); text != nullptr && *text != '\0')
        seed = std::strtoull(text, nullptr, 10);
    std::printf("%s: TROUPE_SEED=%llu\n", test.c_str(), static_cast<unsigned long long>(seed));
    return seed;
}

bool full_run() {
    const char* text = std::getenv("TROUPE_FULL");
    return text != nullptr && std::string{text} == "1";
}

} // namespace troupe::test_support
