#pragma once

#include "bench/report.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace troupe::bench {

struct suite_options {
    std::filesystem::path program;   ///< the troupe binary; empty: the one that is running
    std::filesystem::path directory; ///< scratch space on the disk to measure; emptied scenario by scenario
    std::vector<std::string> only;   ///< scenario names ("P4", "log_writer"); empty: all
    std::chrono::milliseconds measure{5000};
    std::uint64_t large_store_bytes = 10ull << 30; ///< stored before the cold read and the restart after kill -9
};

/// Runs the scenarios of docs/performance.md one after the other, each against nodes of its own, each with the raw limit
/// it is compared with in the same run.
report run_suite(const suite_options& options);

/// Names and one line each, for --list.
std::vector<std::pair<std::string, std::string>> suite_scenarios();

// ---- parts of the suite, one file each ------------------------------------------------------------------------------

void measure_log_writer(const suite_options& options, report& out);
void measure_sends(const suite_options& options, report& out);
void measure_send_matrix(const suite_options& options, report& out);
void measure_latency(const suite_options& options, report& out);
void measure_consume(const suite_options& options, report& out);
void measure_topics(const suite_options& options, report& out);
void measure_lifecycle(const suite_options& options, report& out);

} // namespace troupe::bench
