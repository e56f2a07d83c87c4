// Runs one fuzz target over its seed corpus and over random mutations of it, with any compiler.
//
//   <target>_replay CORPUS_DIRECTORY
//
// Environment: TROUPE_SEED (printed), TROUPE_FUZZ_RUNS (mutations, default 20000), TROUPE_FUZZ_ONLY (one mutation by number).
// Each mutation is a function of seed and number alone, so the numbers printed when the target ends the process repeat it.

#include "tests/support/random_seed.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using corpus = std::vector<std::string>;

volatile std::uint64_t current_run = 0;

void report_run(int signal_number) {
    // A signal handler may not use stdio, so the digits are written by hand.
    char text[] = "fuzz replay: ended in run                     0\n";
    char* digit = text + sizeof text - 3;
    for (std::uint64_t run = current_run; run > 0 && *digit != 'n'; run /= 10)
        *digit-- = static_cast<char>('0' + run % 10);
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
    std::signal(signal_number, SIG_DFL);
    std::raise(signal_number);
}

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

corpus load_corpus(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{directory})
        files.push_back(entry.path());
    std::sort(files.begin(), files.end()); // the order decides which mutation is which
    corpus seeds;
    for (const auto& file : files) {
        std::ifstream in{file, std::ios::binary};
        seeds.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
    }
    return seeds;
}

void run(const std::string& input) {
    // A copy of exactly this size, so that a sanitizer sees the first byte read past it.
    const std::vector<std::uint8_t> exact(input.begin(), input.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class mutator {
public:
    mutator(const corpus& seeds, std::uint64_t seed, std::uint64_t number)
        : seeds_{seeds}, random_{seed * 0x9E3779B97F4A7C15ull + number} {}

    std::string make() {
        std::string input = seeds_[below(seeds_.size())];
        for (std::size_t steps = 1 + below(4); steps > 0; --steps)
            change(input);
        return input;
    }

private:
    std::size_t below(std::size_t end) { return end == 0 ? 0 : static_cast<std::size_t>(random_() % end); }

    void change(std::string& input) {
        const auto at = below(input.size() + 1);
        const auto length = 1 + below(16);
        switch (below(8)) {
        case 0: input.resize(at); break;
        case 1: input.insert(at, length, static_cast<char>(random_())); break;
        case 2: input.erase(at, length); break;
        case 3: input.insert(at, input.substr(below(input.size()), length * 4)); break;
        case 4: overwrite_number(input, at); break;
        case 5: splice(input, at); break;
        default:
            if (at < input.size())
                input[at] =
                    static_cast<char>(below(2) == 0 ? static_cast<std::uint8_t>(input[at]) ^ (std::uint64_t{1} << below(8)) : random_());
        }
    }

    /// Lengths are big-endian numbers: the ones at the edges find the mistakes.
    void overwrite_number(std::string& input, std::size_t at) {
        constexpr std::uint32_t edges[] = {0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
        const auto number = edges[below(std::size(edges))];
        const std::size_t bytes = std::size_t{1} << below(3);
        for (std::size_t i = 0; i < bytes && at + i < input.size(); ++i)
            input[at + i] = static_cast<char>(number >> (8 * (bytes - 1 - i)));
    }

    void splice(std::string& input, std::size_t at) {
        const auto& other = seeds_[below(seeds_.size())];
        input.resize(at);
        input += other.substr(below(other.size() + 1));
    }

    const corpus& seeds_;
    std::mt19937_64 random_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return 2;
    }
    const auto seed = troupe::test_support::random_seed(argv[0], 1);
    corpus seeds = load_corpus(argv[1]);
    if (seeds.empty()) {
        std::fprintf(stderr, "%s: no seed files in %s\n", argv[0], argv[1]);
        return 2;
    }
    std::signal(SIGABRT, report_run);
    std::signal(SIGSEGV, report_run);
    for (const auto& each : seeds)
        run(each);
    run("");
    const auto only = number_from_environment("TROUPE_FUZZ_ONLY", 0);
    const auto runs = number_from_environment("TROUPE_FUZZ_RUNS", 20'000);
    const auto first = only > 0 ? only : 1;
    const auto last = only > 0 ? only : runs;
    for (auto number = first; number <= last; ++number) {
        current_run = number;
        run(mutator{seeds, seed, number}.make());
    }
    std::printf("%zu seeds and %llu mutations passed\n", seeds.size(), static_cast<unsigned long long>(only > 0 ? 1 : runs));
    return 0;
}
