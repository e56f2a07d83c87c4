#include "bench/report.hpp"

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sys/utsname.h>
#include <thread>

namespace troupe::bench {

std::optional<bool> figure::met() const {
    if (!target) {
        return std::nullopt;
    }
    return direction == goal::at_least ? value >= *target : value <= *target;
}

void report::begin(const std::string& scenario, const std::string& text) {
    progress_ << "# " << scenario << ": " << text << std::endl;
}

void report::add(figure measured) {
    std::string verdict = "      ";
    std::string wanted;
    if (measured.target) {
        verdict = *measured.met() ? "met   " : "MISSED";
        char text[64];
        std::snprintf(text, sizeof text, " (target %s %.4g)", measured.direction == goal::at_least ? ">=" : "<=", *measured.target);
        wanted = text;
    }
    char line[512];
    std::snprintf(line, sizeof line, "%-7s %s %-52s %12.4g %s%s", measured.scenario.c_str(), verdict.c_str(), measured.name.c_str(),
                  measured.value, measured.unit.c_str(), wanted.c_str());
    progress_ << line << std::endl;
    figures_.push_back(std::move(measured));
}

void report::add_ratio(const std::string& scenario, const std::string& name, double ours, double raw, std::optional<double> target) {
    add({scenario, "  of " + name, raw > 0 ? ours / raw : 0, "ratio", target, goal::at_least, {{"ours", ours}, {"raw", raw}}});
}

void report::failed(const std::string& scenario, const std::string& why) {
    progress_ << scenario << " FAILED " << why << std::endl;
    failures_.emplace_back(scenario, why);
}

std::size_t report::missed() const {
    std::size_t count = failures_.size();
    for (const auto& each : figures_) {
        count += each.met().value_or(true) ? 0u : 1u;
    }
    return count;
}

std::string report::to_json() const {
    utsname system{};
    ::uname(&system);
    nlohmann::json all;
    all["machine"] = {{"kernel", system.release}, {"cores", std::thread::hardware_concurrency()}};
    all["time"] = static_cast<std::int64_t>(std::time(nullptr));
    all["figures"] = nlohmann::json::array();
    for (const auto& each : figures_) {
        nlohmann::json entry{{"scenario", each.scenario}, {"name", each.name}, {"value", each.value}, {"unit", each.unit}};
        entry["met"] = nullptr; // no target, so neither met nor missed
        if (each.target) {
            entry["met"] = *each.met();
            entry["target"] = *each.target;
            entry["goal"] = each.direction == goal::at_least ? "at_least" : "at_most";
        }
        if (!each.details.empty()) {
            entry["details"] = each.details;
        }
        all["figures"].push_back(std::move(entry));
    }
    all["failures"] = nlohmann::json::array();
    for (const auto& [scenario, why] : failures_) {
        all["failures"].push_back({{"scenario", scenario}, {"why", why}});
    }
    return all.dump(2) + "\n";
}

std::map<std::string, double> details_of(const load_report& load) {
    constexpr double us = 1000;
    return {{"messages", static_cast<double>(load.messages)},
            {"messages_per_second", load.messages_per_second},
            {"bytes_per_second", load.bytes_per_second},
            {"failures", static_cast<double>(load.failures)},
            {"busy", static_cast<double>(load.busy)},
            {"overdue", static_cast<double>(load.overdue)},
            {"p50_us", static_cast<double>(load.latency.percentile(0.5)) / us},
            {"p99_us", static_cast<double>(load.latency.percentile(0.99)) / us},
            {"p999_us", static_cast<double>(load.latency.percentile(0.999)) / us},
            {"max_us", static_cast<double>(load.latency.max()) / us},
            {"broker_cpu_us_per_message", load.broker_cpu_us_per_message},
            {"client_cpu_us_per_message", load.client_cpu_us_per_message}};
}

} // namespace troupe::bench
