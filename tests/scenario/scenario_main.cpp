#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/scenario/arguments.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <string_view>

namespace troupe::scenario {

namespace {

arguments parsed;

std::uint64_t number(const char* text) {
    return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

void parse(int argc, char** argv) {
    if (const char* rounds = std::getenv("TROUPE_ROUNDS")) {
        parsed.rounds = static_cast<int>(number(rounds));
    }
    parsed.seed = number(std::getenv("TROUPE_SEED"));
    for (int i = 1; i + 1 < argc; ++i) {
        const std::string_view name{argv[i]};
        if (name == "--rounds") {
            parsed.rounds = static_cast<int>(number(argv[i + 1]));
        } else if (name == "--seed") {
            parsed.seed = number(argv[i + 1]);
        }
    }
    if (parsed.seed == 0) {
        parsed.seed = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) % 1'000'000'007;
    }
}

} // namespace

const arguments& given() {
    return parsed;
}

} // namespace troupe::scenario

int main(int argc, char** argv) {
    troupe::scenario::parse(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    std::printf("seed %llu (repeat with --seed), %d rounds (--rounds)\n", static_cast<unsigned long long>(troupe::scenario::given().seed),
                troupe::scenario::given().rounds);
    std::fflush(stdout);
    doctest::Context context{argc, argv};
    return context.run();
}
