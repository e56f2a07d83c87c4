#pragma once

#include "bench/report.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::bench {

struct suite_options {
    std::filesystem::path program;   ///< the troupe binary; empty: the one that is running
    std::filesystem::path directory; ///< scratch space on the disk to measure; emptied scenario by scenario
    std::set<std::string> figures;   ///< what select_figures made of the names of scenarios and figures; empty: all
    std::chrono::milliseconds measure{5000};
    bool fills_page_cache = true;        ///< before each node: what is written then takes no memory that was free (page_cache.hpp)
    std::uint64_t timers = 1'000'000;    ///< that wait, in scenario "timers"
    std::size_t timer_body_bytes = 1024; ///< of their messages
    std::uint64_t large_store_bytes = 10ull << 30; ///< stored before the cold read and the restart after kill -9

    /// Whether any of `ids` ("P4") is to be measured.
    [[nodiscard]] bool wants(std::initializer_list<std::string_view> ids) const;
};

/// The figures that `names` stand for: scenarios ("sends") and figures ("P4"). Fails with argument_illegal for a name that is
/// neither; the text names the nearest one.
result<std::set<std::string>> select_figures(const std::vector<std::string>& names);

/// Runs the scenarios of docs/performance.md one after the other, each against nodes of its own, each with the raw limit
/// it is compared with in the same run. Figures go to `out` as they come.
void run_suite(const suite_options& options, report& out);

struct suite_scenario {
    std::string name;
    std::vector<std::string> figures; ///< their ids in docs/performance.md
    std::string text;                 ///< one line
};
/// In the order in which they run.
std::vector<suite_scenario> suite_scenarios();

// ---- parts of the suite, one file each ------------------------------------------------------------------------------

void measure_filter(const suite_options& options, report& out);
void measure_log_writer(const suite_options& options, report& out);
void measure_sends(const suite_options& options, report& out);
void measure_send_matrix(const suite_options& options, report& out);
void measure_latency(const suite_options& options, report& out);
void measure_consume(const suite_options& options, report& out);
void measure_topics(const suite_options& options, report& out);
void measure_timers(const suite_options& options, report& out);
void measure_filtered_pulls(const suite_options& options, report& out);
void measure_groups(const suite_options& options, report& out);
void measure_members(const suite_options& options, report& out);
void measure_lifecycle(const suite_options& options, report& out);

} // namespace troupe::bench
