#include "apps/commands/commands.hpp"
#include "bench/page_cache.hpp"
#include "bench/suite.hpp"
#include "protocol/message_codec.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>

namespace troupe::apps {

namespace {

struct bench_arguments {
    std::string broker = "127.0.0.1:10911";
    std::chrono::milliseconds warm_up{1000};
    std::chrono::milliseconds measure{10'000};
    bench::send_load send;
    bench::consume_load consume;
    bench::suite_options suite;
    std::vector<std::string> only;
    std::string json_file;
    std::string directory = "build/bench";
    std::uint64_t large_store_gib = 10;
    bool list = false;
};

void print(const command_context& context, const bench::load_report& load) {
    record all;
    all.add("seconds", load.seconds);
    for (const auto& [name, value] : bench::details_of(load)) {
        all.add(name, value);
    }
    all.print(context.out, context.format);
}

exit_code finish(const command_context& context, const result<bench::load_report>& load) {
    if (!load) {
        return context.fail(load.failure());
    }
    print(context, *load);
    return load->failures == 0 ? exit_code::ok : exit_code::failed;
}

exit_code bench_send(const command_context& context, bench_arguments& arguments) {
    const auto broker = protocol::parse_host_address(arguments.broker);
    if (!broker) {
        return context.fail(broker.failure());
    }
    arguments.send.broker = *broker;
    arguments.send.warm_up = arguments.warm_up;
    arguments.send.measure = arguments.measure;
    return finish(context, bench::run_send_load(arguments.send));
}

exit_code bench_consume(const command_context& context, bench_arguments& arguments) {
    const auto broker = protocol::parse_host_address(arguments.broker);
    if (!broker) {
        return context.fail(broker.failure());
    }
    arguments.consume.broker = *broker;
    arguments.consume.warm_up = arguments.warm_up;
    arguments.consume.measure = arguments.measure;
    return finish(context, bench::run_consume_load(arguments.consume));
}

exit_code bench_page_cache(const command_context& context, const bench_arguments& arguments) {
    const auto left = bench::fill_page_cache(arguments.directory);
    if (!left) {
        return context.fail(left.failure());
    }
    record all;
    all.add("file", (std::filesystem::path{arguments.directory} / bench::page_cache_file).string());
    all.add("free_mib", static_cast<std::int64_t>(*left >> 20));
    all.print(context.out, context.format);
    return exit_code::ok;
}

exit_code bench_suite(const command_context& context, bench_arguments& arguments) {
    if (arguments.list) {
        table rows{{{"scenario"}, {"figures"}, {"measures"}}};
        for (const auto& each : bench::suite_scenarios()) {
            rows.add({each.name, each.figures, each.text});
        }
        rows.print(context.out, context.format);
        return exit_code::ok;
    }
    auto figures = bench::select_figures(arguments.only);
    if (!figures) {
        return context.fail(figures.failure());
    }
    arguments.suite.figures = std::move(*figures);
    arguments.suite.directory = arguments.directory;
    arguments.suite.measure = arguments.measure;
    arguments.suite.large_store_bytes = arguments.large_store_gib << 30;
    // With JSON, standard output holds the one document and nothing else.
    const bool as_json = context.format == output_format::json;
    bench::report all{as_json ? context.err : context.out};
    bench::run_suite(arguments.suite, all);
    if (!arguments.json_file.empty()) {
        std::ofstream file{arguments.json_file};
        file << all.to_json();
        if (!file.flush()) {
            return context.fail(exit_code::failed, "cannot write " + arguments.json_file);
        }
    }
    if (as_json) {
        context.out << all.to_json();
    } else {
        context.out << all.missed() << " targets missed\n";
    }
    return all.failures().empty() ? exit_code::ok : exit_code::failed;
}

void add_load_options(CLI::App& command, bench_arguments& arguments) {
    command.add_option("--broker", arguments.broker, "Broker to load, \"host:port\"")->capture_default_str();
    add_duration_option(command, "--warm-up", arguments.warm_up, "Time before measuring starts");
    add_duration_option(command, "--measure", arguments.measure, "Time that is measured");
}

void add_send(CLI::App& bench, command_context& context, const std::shared_ptr<bench_arguments>& arguments) {
    CLI::App* command = bench.add_subcommand("send", "Load a broker with sends: closed loop, or open loop with --rate");
    add_output_option(*command, context);
    add_load_options(*command, *arguments);
    auto& send = arguments->send;
    command->add_option("--topic", send.topic, "Topic to send to; it must exist")->required();
    command->add_option("--queues", send.queues, "Queues of the topic to use, from 0 on")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command->add_option("--senders", send.senders, "Connections")->check(CLI::Range(1, 10'000))->capture_default_str();
    CLI::Option* window = command->add_option("--window", send.window, "Requests in flight per connection")
                              ->check(CLI::Range(1, 100'000))
                              ->capture_default_str();
    command->add_option("--body-bytes", send.body_bytes, "Size of a body")->check(CLI::Range(8, 4 << 20))->capture_default_str();
    command->add_option("--batch", send.batch, "Messages per request; 0 sends plain messages")
        ->check(CLI::Range(0, 10'000))
        ->capture_default_str();
    command->add_option("--rate", send.rate, "Messages per second, latency from the intended time; 0: as fast as answers come")
        ->check(CLI::Range(0.0, 1e7))
        ->capture_default_str();
    CLI::Option* oneway =
        command->add_flag("--oneway", send.oneway, "Ask for no answers; what was stored is counted by queue offsets")->excludes(window);
    command->add_flag("--transactions", send.transactions, "Send half messages, and commit each when it is stored")->excludes(oneway);
    command->add_option("--broker-process", send.broker_process, "Process id of the broker, to read its CPU time");
    set_examples(*command, "troupe bench send --topic load --senders 64 --body-bytes 1024\n"
                           "troupe bench send --topic load --senders 4 --window 256 --rate 10000 -o json");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return bench_send(context, *arguments); }; });
}

void add_consume(CLI::App& bench, command_context& context, const std::shared_ptr<bench_arguments>& arguments) {
    CLI::App* command = bench.add_subcommand("consume", "Pull a topic as fast as it goes, or follow its end");
    add_output_option(*command, context);
    add_load_options(*command, *arguments);
    auto& consume = arguments->consume;
    command->add_option("--topic", consume.topic, "Topic to pull")->required();
    command->add_option("--group", consume.group, "Consumer group; nothing is committed")->capture_default_str();
    command->add_option("--queues", consume.queues, "Queues of the topic to use, from 0 on")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command->add_option("--messages", consume.messages, "Stop after so many; 0: by time alone")->capture_default_str();
    command->add_flag("--from-end", consume.from_end, "Follow the end and measure latency since the send");
    command->add_option("--broker-process", consume.broker_process, "Process id of the broker, to read its CPU time");
    set_examples(*command, "troupe bench consume --topic load --measure 30s\n"
                           "troupe bench consume --topic load --from-end -o json");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return bench_consume(context, *arguments); }; });
}

void add_suite(CLI::App& bench, command_context& context, const std::shared_ptr<bench_arguments>& arguments) {
    CLI::App* command = bench.add_subcommand("suite", "Measure everything docs/performance.md names, with nodes of its own");
    add_output_option(*command, context);
    command->add_option("--only", arguments->only, "Scenarios (sends) and figures (P4) to measure, separated by commas; default all")
        ->delimiter(',');
    command->add_flag("--list", arguments->list, "List the scenarios");
    command->add_option("--json", arguments->json_file, "Write every figure, its target and whether it is met");
    command->add_option("--directory", arguments->directory, "Scratch space on the disk to measure")->capture_default_str();
    command->add_option("--large-store-gib", arguments->large_store_gib, "Size of the store for cold reads and restarts")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    auto& suite = arguments->suite;
    command->add_flag("!--page-cache-as-is", suite.fills_page_cache,
                      "Leave the page cache as it is, instead of filling it before each node as on a machine that has been up for long");
    command->add_option("--timers", suite.timers, "Timed messages that wait in scenario \"timers\"")
        ->check(CLI::Range(10'000, 100'000'000))
        ->capture_default_str();
    command->add_option("--timer-body-bytes", suite.timer_body_bytes, "Size of their bodies")
        ->check(CLI::Range(8, 4 << 20))
        ->capture_default_str();
    arguments->measure = std::chrono::milliseconds{5000};
    add_duration_option(*command, "--measure", arguments->measure, "Time measured per figure");
    set_examples(*command, "troupe bench suite --json figures.json\n"
                           "troupe bench suite --only sends,P15 --measure 10s\n"
                           "troupe bench suite --only P32 --timers 10000000 --timer-body-bytes 128");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return bench_suite(context, *arguments); }; });
}

void add_page_cache(CLI::App& bench, command_context& context, const std::shared_ptr<bench_arguments>& arguments) {
    CLI::App* command = bench.add_subcommand(
        "page-cache", "Fill the page cache, as on a machine that has been up for long; what is written then takes no free memory");
    add_output_option(*command, context);
    command
        ->add_option("--directory", arguments->directory, "Where the file that fills it stays, without taking space, until you remove it")
        ->capture_default_str();
    set_examples(*command, "troupe bench page-cache --directory /var/tmp/bench");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return bench_page_cache(context, *arguments); }; });
}

} // namespace

void add_bench_commands(CLI::App& app, command_context& context) {
    CLI::App* bench = app.add_subcommand("bench", "Load generator and benchmark suite");
    bench->require_subcommand(1);
    add_send(*bench, context, std::make_shared<bench_arguments>());
    add_consume(*bench, context, std::make_shared<bench_arguments>());
    add_suite(*bench, context, std::make_shared<bench_arguments>());
    add_page_cache(*bench, context, std::make_shared<bench_arguments>());
}

} // namespace troupe::apps
