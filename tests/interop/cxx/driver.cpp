// Runs one scenario with Troupe's own client and prints `RESULT {json}`.
//
// Usage: interop_cxx_driver SCENARIO NAME_SERVER TOPIC GROUP [WORD...]. The topic exists already. An error of the client is part of
// the result, as "error"; the runner decides what it means.
#include "tests/interop/cxx/report.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: %s SCENARIO NAME_SERVER TOPIC GROUP [WORD...]\n", argv[0]);
        return 2;
    }
    interop::driver all;
    all.name_server = argv[2];
    all.topic = argv[3];
    all.group = argv[4];
    all.words.assign(argv + 5, argv + argc);
    try {
        if (!interop::run_sending(argv[1], all) && !interop::run_receiving(argv[1], all) && !interop::run_sharing(argv[1], all)) {
            std::fprintf(stderr, "unknown scenario %s\n", argv[1]);
            return 2;
        }
    } catch (const std::exception& problem) {
        all.report.fact("error", problem.what());
    }
    std::printf("RESULT %s\n", all.report.json().c_str());
    std::fflush(stdout);
    while (!all.consumers.empty()) {
        all.consumers.back()->stop();
        all.consumers.pop_back();
    }
    return 0;
}
