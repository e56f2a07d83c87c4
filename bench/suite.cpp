#include "bench/suite.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::bench {

namespace {

struct scenario {
    const char* name;
    const char* text;
    void (*run)(const suite_options&, report&);
};

constexpr scenario scenarios[] = {
    {"lifecycle", "start to ready, idle memory, clean stop (P24, P25)", measure_lifecycle},
    {"log_writer", "the log writer alone against bare writes and syncs", measure_log_writer},
    {"sends", "sends over loopback (P2 to P14)", measure_sends},
    {"matrix", "1, 8, 64 senders; 128 B, 1 KiB, 64 KiB; both flush modes", measure_send_matrix},
    {"latency", "end to end at 10,000 messages/s (P15, P16)", measure_latency},
    {"topics", "10,000 topics of 8 queues, 2,000 held pulls (P20)", measure_topics},
    {"consume", "catch-up cached and cold, senders beside a cold reader, restart after kill -9 (P17 to P19, P23)", measure_consume},
};

} // namespace

std::vector<std::pair<std::string, std::string>> suite_scenarios() {
    std::vector<std::pair<std::string, std::string>> all;
    for (const auto& each : scenarios) {
        all.emplace_back(each.name, each.text);
    }
    return all;
}

report run_suite(const suite_options& options) {
    report all;
    for (const auto& each : scenarios) {
        const bool wanted = options.only.empty() || std::find(options.only.begin(), options.only.end(), each.name) != options.only.end();
        if (wanted) {
            std::printf("# %s: %s\n", each.name, each.text);
            each.run(options, all);
        }
    }
    return all;
}

} // namespace troupe::bench
