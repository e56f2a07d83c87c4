#pragma once

#include "bench/node_under_test.hpp"
#include "bench/suite.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>

namespace troupe::bench {

inline constexpr double mebi = 1024.0 * 1024.0;

/// Fills the page cache (page_cache.hpp) if the options want that; after whatever gave memory back. Reports a failure under `scenario`.
void prepare_page_cache(const suite_options& options, const std::string& scenario, report& out);

/// A fresh node in an empty directory `name` of the scratch space; reports the failure under `scenario` if there is none.
std::optional<node_under_test> fresh_node(const suite_options& options, const std::string& name, bool flush_sync,
                                          const std::string& scenario, report& out);

/// Removes `name` from the scratch space.
void clear(const suite_options& options, const std::string& name);

/// The load that scenarios vary: topic "load0", 8 queues, the options' measuring time.
send_load basic_load(const suite_options& options, const node_under_test& node);

/// Runs `load`; reports the failure under `scenario` if there is one.
std::optional<load_report> measured(const send_load& load, const std::string& scenario, report& out);

double percentile_us(const load_report& load, double fraction);

/// The raw limits that one scenario is compared with: each measured when it is first asked for, next to our own figure, and
/// kept. None when it cannot be measured, which is reported under `scenario`.
class ceilings {
public:
    ceilings(const suite_options& options, std::string scenario, report& out)
        : options_{options}, scenario_{std::move(scenario)}, out_{out} {}

    /// Blocking sends and receives of `bytes` over one loopback connection, per second.
    std::optional<double> round_trips(std::size_t bytes);
    /// Bytes per second of write() with `piece_bytes` each.
    std::optional<double> written_bytes(std::size_t piece_bytes);
    /// Records per second of pwritev and fdatasync with `group` records each.
    std::optional<double> group_commits(std::size_t record_bytes, std::size_t group);

private:
    enum class kind : std::uint8_t { round_trips, written_bytes, group_commits };
    std::optional<double> keep(kind what, std::size_t bytes, std::size_t group, const std::function<result<double>()>& measure);

    const suite_options& options_;
    std::string scenario_;
    report& out_;
    std::map<std::tuple<kind, std::size_t, std::size_t>, std::optional<double>> kept_;
};

} // namespace troupe::bench
