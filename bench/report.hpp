#pragma once

#include "bench/load_generator.hpp"

#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::bench {

/// Which way is better.
enum class goal : std::uint8_t { at_least, at_most };

/// One measured figure with its target.
struct figure {
    std::string scenario; ///< "P4", or a word for what has no number there
    std::string name;
    double value = 0;
    std::string unit;
    std::optional<double> target; ///< in `unit`; none: only reported
    goal direction = goal::at_least;
    std::map<std::string, double> details;

    /// None without a target.
    [[nodiscard]] std::optional<bool> met() const;
};

/// All figures of a run: printed as they come, written as JSON at the end.
class report {
public:
    /// Lines go to `progress`, which must outlive the report.
    explicit report(std::ostream& progress) : progress_{progress} {}

    /// A heading above the lines to come.
    void begin(const std::string& scenario, const std::string& text);
    /// Adds and prints one line.
    void add(figure measured);
    /// Adds `ours` as a part of the raw limit `raw`, both in the same unit; `name` says of what.
    void add_ratio(const std::string& scenario, const std::string& name, double ours, double raw,
                   std::optional<double> target = std::nullopt);
    /// Notes that a scenario could not be measured, and why. It counts as not met.
    void failed(const std::string& scenario, const std::string& why);
    [[nodiscard]] std::string to_json() const;
    [[nodiscard]] std::size_t missed() const;
    [[nodiscard]] const std::vector<figure>& figures() const { return figures_; }
    /// Scenario and reason of everything that could not be measured.
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& failures() const { return failures_; }

private:
    std::ostream& progress_;
    std::vector<figure> figures_;
    std::vector<std::pair<std::string, std::string>> failures_;
};

/// The usual details of a load: rate, latencies in microseconds, CPU.
std::map<std::string, double> details_of(const load_report& load);

} // namespace troupe::bench
