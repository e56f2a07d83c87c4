#include "bench/peer.hpp"
#include "bench/suite_support.hpp"
#include "filter/expression.hpp"
#include "protocol/properties.hpp"

#include <array>

namespace troupe::bench {

namespace {

constexpr double evaluations_target = 500'000;

struct filter_case {
    const char* name;
    const char* expression;
};

constexpr std::array<filter_case, 3> filter_cases{{
    {"one comparison", "price > 10"},
    {"five comparisons", "(region = 'eu' OR region = 'us') AND price > 10.5 AND kind NOT IN ('test', 'probe') AND count BETWEEN 1 AND 50"},
    {"texts", "KEYS CONTAINS '-7' OR kind STARTSWITH 'te' OR TAGS ENDSWITH 'x' OR missing IS NOT NULL"},
}};

/// What a producer's messages have, and what Java's client and the broker add.
std::vector<std::string> sample_properties() {
    std::vector<std::string> all;
    for (int i = 0; i < 64; ++i) {
        const auto number = std::to_string(i);
        all.push_back(protocol::encode_properties({{"KEYS", "order-" + number},
                                                   {"TAGS", "tag" + std::to_string(i % 4)},
                                                   {"UNIQ_KEY", "7F000001A0B418B4AAC23B1F6A9C00" + number},
                                                   {"WAIT", "true"},
                                                   {"CLUSTER", "DefaultCluster"},
                                                   {"region", i % 3 == 0 ? "eu" : (i % 3 == 1 ? "us" : "asia")},
                                                   {"price", std::to_string(i) + ".25"},
                                                   {"kind", i % 8 == 0 ? "test" : "live"},
                                                   {"count", number}})
                          .value());
    }
    return all;
}

} // namespace

void measure_filter(const suite_options& options, report& out) {
    const auto messages = sample_properties();
    for (const auto& each : filter_cases) {
        const auto wanted = filter::expression::parse(each.expression);
        if (!wanted) {
            out.failed("filter", to_string(wanted.failure()));
            continue;
        }
        const auto begin = now_ns();
        const auto length_ns = std::chrono::nanoseconds{options.measure}.count() / static_cast<std::int64_t>(filter_cases.size());
        std::uint64_t evaluations = 0;
        std::uint64_t matches = 0;
        auto now = begin;
        for (; now < begin + length_ns; now = now_ns()) {
            for (int round = 0; round < 64; ++round) {
                for (const auto& message : messages)
                    matches += wanted->matches(message) ? 1u : 0u;
            }
            evaluations += 64 * messages.size();
        }
        const auto seconds = static_cast<double>(now - begin) / 1e9;
        figure rate;
        rate.scenario = "filter";
        rate.name = std::string{"SQL92, "} + each.name + ": evaluations per second and core";
        rate.value = static_cast<double>(evaluations) / seconds;
        rate.unit = "/s";
        rate.target = evaluations_target;
        rate.details["matched"] = static_cast<double>(matches) / static_cast<double>(evaluations);
        out.add(std::move(rate));
    }
}

} // namespace troupe::bench
