#pragma once

#include "bench/load_generator.hpp"

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

    [[nodiscard]] bool met() const;
};

/// All figures of a run: printed as they come, written as JSON at the end.
class report {
public:
    /// Adds and prints one line.
    void add(figure measured);
    /// Notes that a scenario could not be measured, and why. It counts as not met.
    void failed(const std::string& scenario, const std::string& why);
    [[nodiscard]] std::string to_json() const;
    [[nodiscard]] std::size_t missed() const;

private:
    std::vector<figure> figures_;
    std::vector<std::pair<std::string, std::string>> failures_;
};

/// The usual details of a load: rate, latencies in microseconds, CPU.
std::map<std::string, double> details_of(const load_report& load);

} // namespace troupe::bench
