#pragma once

#include "bench/node_under_test.hpp"
#include "bench/suite.hpp"

#include <optional>
#include <string>

namespace troupe::bench {

inline constexpr double mebi = 1024.0 * 1024.0;

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

} // namespace troupe::bench
