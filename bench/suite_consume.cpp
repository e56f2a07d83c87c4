#include "bench/raw_limits.hpp"
#include "bench/suite_support.hpp"

#include <thread>

namespace troupe::bench {

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t raw_read_bytes = 1u << 20;

consume_load catch_up(const node_under_test& node, const std::string& group) {
    consume_load consume;
    consume.broker = node.broker();
    consume.topic = "load0";
    consume.group = group;
    consume.measure = std::chrono::seconds{120};
    consume.broker_process = node.process();
    return consume;
}

/// Stores about `bytes` of 1 KiB messages; returns their number.
std::optional<std::uint64_t> fill(const suite_options& options, const node_under_test& node, std::uint64_t bytes,
                                  const std::string& scenario, report& out) {
    std::uint64_t messages = 0;
    auto load = basic_load(options, node);
    load.senders = 4;
    load.window = 4;
    load.batch = 64;
    load.warm_up = std::chrono::milliseconds{0};
    load.measure = std::chrono::milliseconds{1000};
    while (messages * kib < bytes) {
        const auto done = measured(load, scenario, out);
        if (!done || done->messages == 0) {
            return std::nullopt;
        }
        messages += done->messages;
    }
    return messages;
}

void measure_cached(const suite_options& options, report& out) {
    auto node = fresh_node(options, "consume-cached", false, "P17", out);
    constexpr std::uint64_t stored_bytes = 2ull << 30;
    const auto messages = node ? fill(options, *node, stored_bytes, "P17", out) : std::nullopt;
    if (!messages) {
        return;
    }
    auto consume = catch_up(*node, "cached");
    consume.messages = *messages;
    const auto raw = raw_sequential_reads(node->commit_log_directory(), raw_read_bytes);
    const auto done = run_consume_load(consume);
    if (!done || !raw) {
        out.failed("P17", to_string(done ? raw.failure() : done.failure()));
        return;
    }
    out.add({"P17", "catch-up, 1 KiB, page cache", done->messages_per_second, "msg/s", 800'000, goal::at_least, details_of(*done)});
    out.add({"P17",
             "  of reading the same files with read()",
             done->bytes_per_second / raw->bytes_per_second,
             "ratio",
             0.3,
             goal::at_least,
             {{"raw_bytes_per_second", raw->bytes_per_second}}});
    node->kill();
    clear(options, "consume-cached");
}

void measure_cold(node_under_test& node, std::uint64_t messages, report& out) {
    auto consume = catch_up(node, "cold");
    consume.messages = messages;
    if (auto dropped = drop_page_cache(node.commit_log_directory()); !dropped) {
        out.failed("P18", to_string(dropped.failure()));
        return;
    }
    const auto raw = raw_sequential_reads(node.commit_log_directory(), raw_read_bytes);
    const auto dropped = drop_page_cache(node.commit_log_directory());
    const auto done = run_consume_load(consume);
    if (!done || !raw || !dropped) {
        out.failed("P18", "cold catch-up: " + to_string(!done ? done.failure() : error{errc::io, "raw read"}));
        return;
    }
    out.add({"P18", "catch-up, 1 KiB, cold", done->bytes_per_second / mebi, "MiB/s", 600 * 1e6 / mebi, goal::at_least, details_of(*done)});
    out.add({"P18",
             "  of reading the same files cold with read()",
             done->bytes_per_second / raw->bytes_per_second,
             "ratio",
             0.3,
             goal::at_least,
             {{"raw_bytes_per_second", raw->bytes_per_second}}});
}

void measure_beside_cold_reader(const suite_options& options, node_under_test& node, report& out) {
    auto load = basic_load(options, node);
    load.senders = 64;
    const auto alone = measured(load, "P19", out);
    if (auto dropped = drop_page_cache(node.commit_log_directory()); !alone || !dropped) {
        return;
    }
    auto consume = catch_up(node, "beside");
    consume.measure = load.warm_up + load.measure;
    std::thread reader{[&consume] { static_cast<void>(run_consume_load(consume)); }};
    const auto beside = measured(load, "P19", out);
    reader.join();
    if (beside) {
        out.add({"P19", "p99 of 64 senders beside a cold reader, to alone", percentile_us(*beside, 0.99) / percentile_us(*alone, 0.99),
                 "ratio", 3, goal::at_most, details_of(*beside)});
    }
}

void measure_restart(const suite_options& options, node_under_test& node, report& out) {
    node.kill();
    node_settings settings;
    settings.program = options.program;
    settings.directory = options.directory / "consume-cold";
    settings.flush_sync = false;
    auto again = node_under_test::start(settings);
    if (!again) {
        out.failed("P23", to_string(again.failure()));
        return;
    }
    const auto seconds = std::chrono::duration<double>(again->time_to_ready()).count();
    out.add({"P23",
             "serving again after kill -9, " + std::to_string(options.large_store_bytes >> 30) + " GiB stored",
             seconds,
             "s",
             1,
             goal::at_most,
             {}});
}

} // namespace

void measure_consume(const suite_options& options, report& out) {
    measure_cached(options, out);
    auto node = fresh_node(options, "consume-cold", false, "P18", out);
    const auto messages = node ? fill(options, *node, options.large_store_bytes, "P18", out) : std::nullopt;
    if (messages) {
        measure_cold(*node, *messages, out);
        measure_beside_cold_reader(options, *node, out);
        measure_restart(options, *node, out);
    }
    clear(options, "consume-cold");
}

} // namespace troupe::bench
