#include "bench/node_under_test.hpp"

#include "bench/load_generator.hpp"
#include "bench/peer.hpp"

#include <thread>

namespace troupe::bench {

namespace {

constexpr std::chrono::seconds ready_limit{120};
constexpr std::chrono::seconds stop_limit{10};

/// True when the broker answers anything.
bool answers(const protocol::host_address& broker) {
    auto connected = peer::connect(broker);
    if (!connected) {
        return false;
    }
    constexpr std::int32_t code_runtime_info = 28;
    protocol::remoting_command command;
    command.code = code_runtime_info;
    return connected->call(command, std::chrono::seconds{5}).ok();
}

} // namespace

result<node_under_test> node_under_test::start(const node_settings& settings) {
    std::error_code failure;
    std::filesystem::create_directories(settings.directory, failure);
    if (failure) {
        return error{errc::io, settings.directory.string() + ": " + failure.message()};
    }
    testing::process_node_options options;
    options.program = settings.program.empty() ? std::filesystem::read_symlink("/proc/self/exe", failure) : settings.program;
    options.directory = settings.directory;
    options.runs_name_server = true;
    options.runs_broker = true;
    options.flush_sync = settings.flush_sync;
    node_under_test made{options};
    testing::process_node& node = *made.node_;
    made.broker_.port = node.options().broker_port;

    const auto begin = now_ns();
    if (auto launched = node.launch(); !launched) {
        return launched.failure();
    }
    while (!answers(made.broker_)) {
        if (!node.running()) {
            return error{errc::io, "the node ended before it was ready; see " + node.log_file().string()};
        }
        if (std::chrono::nanoseconds{now_ns() - begin} > ready_limit) {
            return error{errc::timed_out, "the node was not ready in time; see " + node.log_file().string()};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    made.time_to_ready_ = std::chrono::nanoseconds{now_ns() - begin};
    return made;
}

result<void> node_under_test::stop() {
    auto ended = node_->stop(stop_limit);
    return ended ? result<void>{} : ended.failure();
}

result<void> node_under_test::create_topic(const std::string& topic, std::int32_t queues) const {
    auto created = run_create_topics(broker_, topic, 1, queues, 1);
    if (!created) {
        return created.failure();
    }
    if (created->failures > 0) {
        return error{errc::internal, "topic " + topic + "0 was refused"};
    }
    return {};
}

} // namespace troupe::bench
