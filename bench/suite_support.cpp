#include "bench/suite_support.hpp"

#include "bench/page_cache.hpp"
#include "bench/raw_limits.hpp"

namespace troupe::bench {

std::optional<node_under_test> fresh_node(const suite_options& options, const std::string& name, bool flush_sync,
                                          const std::string& scenario, report& out) {
    clear(options, name);
    prepare_page_cache(options, scenario, out);
    node_settings settings;
    settings.program = options.program;
    settings.directory = options.directory / name;
    settings.flush_sync = flush_sync;
    auto node = node_under_test::start(settings);
    if (!node) {
        out.failed(scenario, to_string(node.failure()));
        return std::nullopt;
    }
    constexpr std::int32_t queues = 8;
    if (auto created = node->create_topic("load", queues); !created) {
        out.failed(scenario, to_string(created.failure()));
        return std::nullopt;
    }
    return std::move(node).value();
}

void prepare_page_cache(const suite_options& options, const std::string& scenario, report& out) {
    if (!options.fills_page_cache) {
        return;
    }
    if (const auto filled = fill_page_cache(options.directory); !filled) {
        out.failed(scenario, "the page cache could not be filled: " + to_string(filled.failure()));
    }
}

void clear(const suite_options& options, const std::string& name) {
    std::error_code ignored;
    std::filesystem::remove_all(options.directory / name, ignored);
}

send_load basic_load(const suite_options& options, const node_under_test& node) {
    send_load load;
    load.broker = node.broker();
    load.topic = "load0";
    load.queues = 8;
    load.measure = options.measure;
    load.broker_process = node.process();
    return load;
}

std::optional<load_report> measured(const send_load& load, const std::string& scenario, report& out) {
    auto done = run_send_load(load);
    if (!done) {
        out.failed(scenario, to_string(done.failure()));
        return std::nullopt;
    }
    if (done->failures > 0) {
        out.failed(scenario, std::to_string(done->failures) + " sends were refused");
    }
    return std::move(done).value();
}

std::optional<double> ceilings::keep(kind what, std::size_t bytes, std::size_t group, const std::function<result<double>()>& measure) {
    const auto [at, is_new] = kept_.emplace(std::tuple{what, bytes, group}, std::nullopt);
    if (is_new) {
        std::error_code ignored;
        std::filesystem::create_directories(options_.directory, ignored);
        if (const auto rate = measure(); rate) {
            at->second = *rate;
        } else {
            out_.failed(scenario_, "raw limit: " + to_string(rate.failure()));
        }
    }
    return at->second;
}

std::optional<double> ceilings::round_trips(std::size_t bytes) {
    return keep(kind::round_trips, bytes, 0, [this, bytes]() -> result<double> {
        const auto raw = raw_loopback_round_trips(bytes, options_.measure / 4);
        return raw ? result<double>{raw->operations_per_second} : raw.failure();
    });
}

std::optional<double> ceilings::written_bytes(std::size_t piece_bytes) {
    return keep(kind::written_bytes, piece_bytes, 0, [this, piece_bytes]() -> result<double> {
        constexpr std::uint64_t total_bytes = 512u << 20;
        const auto raw = raw_sequential_writes(options_.directory, piece_bytes, total_bytes);
        return raw ? result<double>{raw->bytes_per_second} : raw.failure();
    });
}

std::optional<double> ceilings::group_commits(std::size_t record_bytes, std::size_t group) {
    return keep(kind::group_commits, record_bytes, group, [this, record_bytes, group]() -> result<double> {
        const auto raw = raw_group_commits(options_.directory, record_bytes, group, options_.measure / 2);
        return raw ? result<double>{raw->operations_per_second} : raw.failure();
    });
}

double percentile_us(const load_report& load, double fraction) {
    return static_cast<double>(load.latency.percentile(fraction)) / 1000;
}

} // namespace troupe::bench
