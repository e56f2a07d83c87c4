#include "bench/process_stats.hpp"
#include "bench/suite_support.hpp"

#include <algorithm>

namespace troupe::bench {

namespace {

constexpr std::size_t kib = 1024;

void add_rate(report& out, const std::string& scenario, const std::string& name, const load_report& load, std::optional<double> target) {
    out.add({scenario, name, load.messages_per_second, "msg/s", target, goal::at_least, details_of(load)});
}

/// One sender waits for each answer: the machine's own round trip is its limit.
void add_to_round_trips(report& out, const std::string& scenario, const load_report& load, std::size_t bytes, ceilings& raw) {
    if (const auto trips = raw.round_trips(bytes)) {
        out.add_ratio(scenario, "bare loopback round trips of " + std::to_string(bytes) + " B", load.messages_per_second, *trips);
    }
}

/// Many bytes at once: writing them to the file is the limit.
void add_to_writes(report& out, const std::string& scenario, const load_report& load, std::size_t piece_bytes, ceilings& raw) {
    if (const auto bytes = raw.written_bytes(piece_bytes)) {
        out.add_ratio(scenario, "the bytes of write() of " + std::to_string(piece_bytes) + " B each", load.bytes_per_second, *bytes);
    }
}

void add_to_commits(report& out, const std::string& scenario, const load_report& load, std::size_t bytes, std::size_t senders,
                    ceilings& raw, std::optional<double> target = std::nullopt) {
    if (const auto commits = raw.group_commits(bytes, senders)) {
        out.add_ratio(scenario, "raw group commits of " + std::to_string(senders) + " x " + std::to_string(bytes) + " B",
                      load.messages_per_second, *commits, target);
    }
}

void measure_p4(const suite_options& options, const node_under_test& node, send_load load, ceilings& raw, report& out) {
    load.senders = 64;
    load.measure = options.measure * 4; // P6 looks for rare pauses
    const auto done = measured(load, "P4", out);
    if (!done) {
        return;
    }
    add_rate(out, "P4", "64 senders, 1 KiB, async flush", *done, 70'000);
    add_to_writes(out, "P4", *done, kib, raw);
    out.add({"P5", "broker CPU per message in P4", done->broker_cpu_us_per_message, "us", 10, goal::at_most, {}});
    out.add({"P6", "p99.9 in P4", percentile_us(*done, 0.999) / 1000, "ms", 10, goal::at_most, {}});
    out.add({"P6", "max in P4", percentile_us(*done, 1) / 1000, "ms", 50, goal::at_most, {}});
    out.add({"P26",
             "private memory after P4",
             static_cast<double>(read_process_stats(node.process()).private_bytes) / mebi,
             "MiB",
             300,
             goal::at_most,
             {}});
}

void measure_single_sends(const suite_options& options, const node_under_test& node, ceilings& raw, report& out) {
    auto load = basic_load(options, node);
    load.body_bytes = 128;
    if (options.wants({"P2"})) {
        if (const auto done = measured(load, "P2", out)) {
            add_rate(out, "P2", "1 sender, 128 B, async flush", *done, 15'000);
            out.add({"P2", "  p50", percentile_us(*done, 0.5), "us", 65, goal::at_most, {}});
            out.add({"P2", "  p99", percentile_us(*done, 0.99), "us", 200, goal::at_most, {}});
            add_to_round_trips(out, "P2", *done, load.body_bytes, raw);
        }
    }
    load.body_bytes = kib;
    load.senders = 8;
    if (options.wants({"P3"})) {
        if (const auto done = measured(load, "P3", out)) {
            add_rate(out, "P3", "8 senders, 1 KiB, async flush", *done, 50'000);
            add_to_writes(out, "P3", *done, kib, raw);
        }
    }
    if (options.wants({"P4", "P5", "P6", "P26"})) {
        measure_p4(options, node, load, raw, out);
    }
}

void measure_bandwidth(const suite_options& options, const node_under_test& node, ceilings& raw, report& out) {
    struct row {
        const char* id;
        const char* name;
        std::int32_t senders;
        std::int32_t window;
        std::size_t body_bytes;
        std::int32_t batch;
        bool oneway;
        double target;
    };
    constexpr row rows[] = {
        {"P7", "1,000 in flight, 1 KiB, async flush", 1, 1000, kib, 0, false, 120'000},
        {"P8", "oneway, 128 B, async flush (stored, by offsets)", 1, 1, 128, 0, true, 500'000},
        {"P9", "16 senders, batch 16 x 128 B, async flush", 16, 1, 128, 16, false, 1'000'000},
        {"P10", "16 senders, batch 16 x 1 KiB, async flush", 16, 1, kib, 16, false, 200'000},
        {"P11", "8 senders, 64 KiB, async flush", 8, 1, 64 * kib, 0, false, 3'000},
    };
    for (const row& each : rows) {
        if (!options.wants({each.id})) {
            continue;
        }
        auto load = basic_load(options, node);
        load.senders = each.senders;
        load.window = each.window;
        load.body_bytes = each.body_bytes;
        load.batch = each.batch;
        load.oneway = each.oneway;
        if (const auto done = measured(load, each.id, out)) {
            add_rate(out, each.id, each.name, *done, each.target);
            add_to_writes(out, each.id, *done, each.body_bytes * static_cast<std::size_t>(std::max(each.batch, 1)), raw);
        }
    }
}

/// A transaction is two requests and two records; both kinds are measured one after the other on the same node.
constexpr std::int32_t far_level = 18; // 2 h: none of them is due while others are measured

/// Sends that need more than to be stored, beside plain ones.
void measure_kinds(const suite_options& options, const node_under_test& node, report& out) {
    if (!options.wants({"P31", "P36"})) {
        return;
    }
    auto load = basic_load(options, node);
    load.body_bytes = kib;
    load.senders = 16;
    const auto plain = measured(load, "P31", out);
    load.delay_level = far_level;
    const auto delayed = measured(load, "P36", out);
    if (plain && delayed) {
        add_rate(out, "P36", "16 senders, 1 KiB, delay level 18, async flush", *delayed, std::nullopt);
        out.add_ratio("P36", "plain sends", delayed->messages_per_second, plain->messages_per_second, 0.5);
    }
    load.delay_level = 0;
    load.transactions = true;
    const auto transactional = measured(load, "P31", out);
    if (plain && transactional) {
        add_rate(out, "P31", "16 senders, 1 KiB, transactions, async flush", *transactional, std::nullopt);
        out.add_ratio("P31", "plain sends", transactional->messages_per_second, plain->messages_per_second, 1.0 / 3);
    }
}

void measure_async(const suite_options& options, report& out) {
    if (!options.wants({"P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P26", "P31", "P36"})) {
        return;
    }
    if (const auto node = fresh_node(options, "sends-async", false, "P2", out)) {
        ceilings raw{options, "sends", out};
        measure_single_sends(options, *node, raw, out);
        measure_bandwidth(options, *node, raw, out);
        measure_kinds(options, *node, out);
    }
}

void measure_sync(const suite_options& options, report& out) {
    if (!options.wants({"P12", "P13", "P14"})) {
        return;
    }
    const auto node = fresh_node(options, "sends-sync", true, "P12", out);
    if (!node) {
        return;
    }
    struct row {
        const char* id;
        const char* name;
        std::int32_t senders;
        double target;
        std::optional<double> part;
    };
    const row rows[] = {
        {"P12", "1 sender, 1 KiB, sync flush", 1, 2'400, std::nullopt},
        {"P13", "8 senders, 1 KiB, sync flush", 8, 14'000, std::nullopt},
        {"P14", "64 senders, 1 KiB, sync flush", 64, 60'000, 0.4},
    };
    ceilings raw{options, "sends", out};
    for (const row& each : rows) {
        if (!options.wants({each.id})) {
            continue;
        }
        auto load = basic_load(options, *node);
        load.body_bytes = kib;
        load.senders = each.senders;
        if (const auto done = measured(load, each.id, out)) {
            add_rate(out, each.id, each.name, *done, each.target);
            add_to_commits(out, each.id, *done, kib, static_cast<std::size_t>(each.senders), raw, each.part);
        }
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
        ceilings raw{options, "matrix", out};
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
                    if (sync) {
                        add_to_commits(out, "matrix", *done, body_bytes, static_cast<std::size_t>(senders), raw);
                    } else if (senders == 1) {
                        add_to_round_trips(out, "matrix", *done, body_bytes, raw);
                    } else {
                        add_to_writes(out, "matrix", *done, body_bytes, raw);
                    }
                }
            }
        }
        node->kill();
        clear(options, name);
    }
}

} // namespace troupe::bench
