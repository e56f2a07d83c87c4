#include "bench/process_stats.hpp"
#include "bench/raw_limits.hpp"
#include "bench/suite_support.hpp"

namespace troupe::bench {

namespace {

constexpr std::size_t kib = 1024;

void add_rate(report& out, const std::string& scenario, const std::string& name, const load_report& load, std::optional<double> target) {
    out.add({scenario, name, load.messages_per_second, "msg/s", target, goal::at_least, details_of(load)});
}

void measure_async(const suite_options& options, report& out) {
    auto node = fresh_node(options, "sends-async", false, "P2", out);
    if (!node) {
        return;
    }
    auto load = basic_load(options, *node);

    load.body_bytes = 128;
    if (const auto done = measured(load, "P2", out)) {
        add_rate(out, "P2", "1 sender, 128 B, async flush", *done, 15'000);
        out.add({"P2", "  p50", percentile_us(*done, 0.5), "us", 65, goal::at_most, {}});
        out.add({"P2", "  p99", percentile_us(*done, 0.99), "us", 200, goal::at_most, {}});
    }
    load.body_bytes = kib;
    load.senders = 8;
    if (const auto done = measured(load, "P3", out)) {
        add_rate(out, "P3", "8 senders, 1 KiB, async flush", *done, 50'000);
    }
    load.senders = 64;
    if (const auto done = measured(load, "P4", out)) {
        add_rate(out, "P4", "64 senders, 1 KiB, async flush", *done, 70'000);
        out.add({"P5", "broker CPU per message in P4", done->broker_cpu_us_per_message, "us", 10, goal::at_most, {}});
        out.add({"P6", "p99.9 in P4", percentile_us(*done, 0.999) / 1000, "ms", 10, goal::at_most, {}});
        out.add({"P6", "max in P4", percentile_us(*done, 1) / 1000, "ms", 50, goal::at_most, {}});
        out.add({"P26",
                 "private memory after P4",
                 static_cast<double>(read_process_stats(node->process()).private_bytes) / mebi,
                 "MiB",
                 300,
                 goal::at_most,
                 {}});
    }
    load.senders = 1;
    load.window = 1000;
    if (const auto done = measured(load, "P7", out)) {
        add_rate(out, "P7", "1,000 in flight, 1 KiB, async flush", *done, 120'000);
    }
    load.window = 1;
    load.senders = 1;
    load.body_bytes = 128;
    load.oneway = true;
    if (const auto done = measured(load, "P8", out)) {
        add_rate(out, "P8", "oneway, 128 B, async flush (stored, by offsets)", *done, 500'000);
    }
    load.oneway = false;
    load.senders = 16;
    load.batch = 16;
    if (const auto done = measured(load, "P9", out)) {
        add_rate(out, "P9", "16 senders, batch 16 x 128 B, async flush", *done, 1'000'000);
    }
    load.body_bytes = kib;
    if (const auto done = measured(load, "P10", out)) {
        add_rate(out, "P10", "16 senders, batch 16 x 1 KiB, async flush", *done, 200'000);
    }
    load.batch = 0;
    load.senders = 8;
    load.body_bytes = 64 * kib;
    if (const auto done = measured(load, "P11", out)) {
        add_rate(out, "P11", "8 senders, 64 KiB, async flush", *done, 3'000);
    }
}

void measure_sync(const suite_options& options, report& out) {
    auto node = fresh_node(options, "sends-sync", true, "P12", out);
    if (!node) {
        return;
    }
    auto load = basic_load(options, *node);
    load.body_bytes = kib;
    if (const auto done = measured(load, "P12", out)) {
        add_rate(out, "P12", "1 sender, 1 KiB, sync flush", *done, 2'400);
    }
    load.senders = 8;
    if (const auto done = measured(load, "P13", out)) {
        add_rate(out, "P13", "8 senders, 1 KiB, sync flush", *done, 14'000);
    }
    constexpr std::size_t senders = 64;
    load.senders = senders;
    const auto ceiling = raw_group_commits(options.directory, kib, senders, options.measure);
    const auto done = measured(load, "P14", out);
    if (done) {
        add_rate(out, "P14", "64 senders, 1 KiB, sync flush", *done, 60'000);
    }
    if (done && ceiling) {
        out.add({"P14",
                 "  of raw group commits of 64 x 1 KiB",
                 done->messages_per_second / ceiling->operations_per_second,
                 "ratio",
                 0.4,
                 goal::at_least,
                 {{"raw_messages_per_second", ceiling->operations_per_second}}});
    }
}

} // namespace

void measure_sends(const suite_options& options, report& out) {
    measure_async(options, out);
    clear(options, "sends-async");
    measure_sync(options, out);
    clear(options, "sends-sync");
}

void measure_send_matrix(const suite_options& options, report& out) {
    for (const bool sync : {false, true}) {
        const std::string name = sync ? "matrix-sync" : "matrix-async";
        auto node = fresh_node(options, name, sync, "matrix", out);
        if (!node) {
            return;
        }
        for (const std::size_t body_bytes : {std::size_t{128}, kib, 64 * kib}) {
            for (const std::int32_t senders : {1, 8, 64}) {
                auto load = basic_load(options, *node);
                load.measure = options.measure / 2;
                load.body_bytes = body_bytes;
                load.senders = senders;
                if (const auto done = measured(load, "matrix", out)) {
                    add_rate(out, "matrix",
                             std::to_string(senders) + " senders, " + std::to_string(body_bytes) + " B, " + (sync ? "sync" : "async") +
                                 " flush",
                             *done, std::nullopt);
                }
            }
        }
        node->kill();
        clear(options, name);
    }
}

} // namespace troupe::bench
