#include "bench/suite_support.hpp"

#include <thread>

namespace troupe::bench {

namespace {

struct latency_goal {
    const char* scenario;
    bool sync;
    double p50_us;
    std::optional<double> p99_us;
};

void measure_at_fixed_rate(const suite_options& options, const latency_goal& wanted, report& out) {
    const std::string name = wanted.sync ? "latency-sync" : "latency-async";
    auto node = fresh_node(options, name, wanted.sync, wanted.scenario, out);
    if (!node) {
        return;
    }
    consume_load consume;
    consume.broker = node->broker();
    consume.topic = "load0";
    consume.from_end = true;
    consume.warm_up = std::chrono::milliseconds{1500};
    consume.measure = options.measure;
    result<load_report> consumed{load_report{}};
    std::thread consumer{[&consume, &consumed] { consumed = run_consume_load(consume); }};

    auto load = basic_load(options, *node);
    load.rate = 10'000;
    load.senders = 4;
    load.window = 256;
    load.warm_up = std::chrono::milliseconds{1000};
    load.measure = options.measure + std::chrono::milliseconds{1000};
    const auto sent = measured(load, wanted.scenario, out);
    consumer.join();
    if (!consumed) {
        out.failed(wanted.scenario, to_string(consumed.failure()));
        return;
    }
    const std::string mode = wanted.sync ? "sync flush" : "async flush";
    out.add({wanted.scenario, "end to end at 10,000 msg/s, 1 KiB, " + mode + ", p50", percentile_us(*consumed, 0.5), "us", wanted.p50_us,
             goal::at_most, details_of(*consumed)});
    out.add({wanted.scenario, "  p99", percentile_us(*consumed, 0.99), "us", wanted.p99_us, goal::at_most, {}});
    out.add({wanted.scenario, "  p99.9", percentile_us(*consumed, 0.999), "us", std::nullopt, goal::at_most, {}});
    ceilings raw{options, wanted.scenario, out};
    if (const auto trips = raw.round_trips(1024); trips && *trips > 0 && consumed->latency.count() > 0) {
        // What no broker can do without: a round trip, and with sync flush a commit.
        const auto commits = wanted.sync ? raw.group_commits(1024, 1) : std::nullopt;
        const double bare_us = 1e6 / *trips + (commits && *commits > 0 ? 1e6 / *commits : 0);
        out.add({wanted.scenario,
                 wanted.sync ? "  p50, in bare round trips with a bare commit" : "  p50, in bare loopback round trips",
                 percentile_us(*consumed, 0.5) / bare_us,
                 "ratio",
                 std::nullopt,
                 goal::at_most,
                 {{"bare_us", bare_us}}});
    }
    if (sent) {
        out.add({wanted.scenario, "  send p99 from the intended time", percentile_us(*sent, 0.99), "us", std::nullopt, goal::at_most,
                 details_of(*sent)});
    }
    node->kill();
    clear(options, name);
}

} // namespace

void measure_latency(const suite_options& options, report& out) {
    for (const latency_goal& each : {latency_goal{"P15", false, 300, 1500}, latency_goal{"P16", true, 700, std::nullopt}}) {
        if (options.wants({each.scenario})) {
            measure_at_fixed_rate(options, each, out);
        }
    }
}

} // namespace troupe::bench
