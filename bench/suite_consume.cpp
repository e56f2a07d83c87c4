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

/// A consumer that follows the end while senders store as fast as they can: it must keep up with them.
void measure_tail(const suite_options& options, report& out) {
    auto node = fresh_node(options, "consume-tail", false, "tail", out);
    if (!node) {
        return;
    }
    auto load = basic_load(options, *node);
    load.senders = 64;
    load.warm_up = std::chrono::milliseconds{1000};
    load.measure = options.measure + std::chrono::milliseconds{500};
    auto consume = catch_up(*node, "tail");
    consume.from_end = true;
    consume.warm_up = load.warm_up + std::chrono::milliseconds{250};
    consume.measure = options.measure;
    result<load_report> read{load_report{}};
    std::thread reader{[&consume, &read] { read = run_consume_load(consume); }};
    const auto sent = measured(load, "tail", out);
    reader.join();
    if (!read || !sent) {
        out.failed("tail", read ? "nothing to follow" : to_string(read.failure()));
        return;
    }
    out.add(
        {"tail", "consume: tail, 64 senders, 1 KiB", read->messages_per_second, "msg/s", std::nullopt, goal::at_least, details_of(*read)});
    out.add_ratio("tail", "what was sent meanwhile", read->messages_per_second, sent->messages_per_second);
    ceilings raw{options, "tail", out};
    if (const auto bytes = raw.written_bytes(kib)) {
        out.add_ratio("tail", "the bytes of write() of 1024 B each", read->messages_per_second * kib, *bytes);
    }
    node->kill();
    clear(options, "consume-tail");
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
    out.add_ratio("P17", "reading the same files with read()", done->bytes_per_second, raw->bytes_per_second, 0.3);
    node->kill();
    clear(options, "consume-cached");
}

/// Fails when the files cannot be dropped from the page cache, or were and are still there. Other pages fill it again: what is read
/// then does not depend on what free memory costs.
result<void> make_cold(const suite_options& options, const node_under_test& node, const std::string& scenario, report& out) {
    constexpr double cached_max = 0.02;
    if (auto dropped = drop_page_cache(node.commit_log_directory()); !dropped) {
        return dropped;
    }
    const auto cached = cached_fraction(node.commit_log_directory());
    if (!cached) {
        return cached.failure();
    }
    if (*cached > cached_max) {
        return error{errc::internal, std::to_string(*cached * 100) + " % of the log stayed in the page cache; a cold read needs it empty"};
    }
    prepare_page_cache(options, scenario, out);
    return {};
}

/// Ours goes first: a raw read before it would leave the files in the page cache if the second drop missed some.
void measure_cold(const suite_options& options, const node_under_test& node, std::uint64_t messages, report& out) {
    auto consume = catch_up(node, "cold");
    consume.messages = messages;
    if (auto cold = make_cold(options, node, "P18", out); !cold) {
        out.failed("P18", to_string(cold.failure()));
        return;
    }
    const auto done = run_consume_load(consume);
    if (!done) {
        out.failed("P18", to_string(done.failure()));
        return;
    }
    out.add({"P18", "catch-up, 1 KiB, cold", done->bytes_per_second / mebi, "MiB/s", 600 * 1e6 / mebi, goal::at_least, details_of(*done)});
    if (auto cold = make_cold(options, node, "P18", out); !cold) {
        out.failed("P18", "raw limit: " + to_string(cold.failure()));
        return;
    }
    const auto raw = raw_sequential_reads(node.commit_log_directory(), raw_read_bytes);
    if (!raw) {
        out.failed("P18", "raw limit: " + to_string(raw.failure()));
        return;
    }
    out.add_ratio("P18", "reading the same files cold with read()", done->bytes_per_second, raw->bytes_per_second, 0.3);
}

void measure_beside_cold_reader(const suite_options& options, const node_under_test& node, std::uint64_t messages, report& out) {
    auto load = basic_load(options, node);
    load.senders = 64;
    const auto alone = measured(load, "P19", out);
    if (auto cold = make_cold(options, node, "P19", out); !alone || !cold) {
        if (!cold) {
            out.failed("P19", to_string(cold.failure()));
        }
        return;
    }
    auto consume = catch_up(node, "beside");
    consume.measure = load.warm_up + load.measure;
    consume.messages = messages;
    result<load_report> read{load_report{}};
    std::thread reader{[&consume, &read] { read = run_consume_load(consume); }};
    const auto beside = measured(load, "P19", out);
    reader.join();
    if (!read) {
        out.failed("P19", "the cold reader: " + to_string(read.failure()));
        return;
    }
    if (read->messages == 0 || read->messages >= messages) {
        out.failed("P19", "the cold reader read " + std::to_string(read->messages) + " of " + std::to_string(messages) +
                              " stored messages, so senders were not beside one all the time");
        return;
    }
    if (beside) {
        out.add({"P19", "p99 of 64 senders beside a cold reader, to alone", percentile_us(*beside, 0.99) / percentile_us(*alone, 0.99),
                 "ratio", 3, goal::at_most, details_of(*beside)});
        out.add({"P19", "  read by the cold reader meanwhile", read->bytes_per_second / mebi, "MiB/s", std::nullopt, goal::at_least,
                 details_of(*read)});
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
    if (options.wants({"tail"})) {
        measure_tail(options, out);
    }
    if (options.wants({"P17"})) {
        measure_cached(options, out);
    }
    if (!options.wants({"P18", "P19", "P23"})) {
        return;
    }
    auto node = fresh_node(options, "consume-cold", false, "P18", out);
    const auto messages = node ? fill(options, *node, options.large_store_bytes, "P18", out) : std::nullopt;
    if (messages) {
        if (options.wants({"P18"})) {
            measure_cold(options, *node, *messages, out);
        }
        if (options.wants({"P19"})) {
            measure_beside_cold_reader(options, *node, *messages, out);
        }
        if (options.wants({"P23"})) {
            measure_restart(options, *node, out);
        }
    }
    clear(options, "consume-cold");
}

} // namespace troupe::bench
