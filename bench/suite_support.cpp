#include "bench/suite_support.hpp"

namespace troupe::bench {

std::optional<node_under_test> fresh_node(const suite_options& options, const std::string& name, bool flush_sync,
                                          const std::string& scenario, report& out) {
    clear(options, name);
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

double percentile_us(const load_report& load, double fraction) {
    return static_cast<double>(load.latency.percentile(fraction)) / 1000;
}

} // namespace troupe::bench
