#include "actors/base/log.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/config_flags.hpp"
#include "apps/logging.hpp"
#include "apps/node.hpp"
#include "apps/stop_signal.hpp"

#include <CLI/CLI.hpp>

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <thread>
#include <unistd.h>

namespace troupe::apps {

namespace {

using clock = std::chrono::steady_clock;

std::int64_t milliseconds_since(clock::time_point begin) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begin).count();
}

/// Ends the process if an ordered stop takes too long: what is stored survives that, as it survives kill -9.
class stop_deadline {
public:
    stop_deadline() : watcher_{[this] { watch(); }} {}
    ~stop_deadline() {
        {
            const std::lock_guard lock{mutex_};
            stopped_ = true;
        }
        changed_.notify_one();
        watcher_.join();
    }
    stop_deadline(const stop_deadline&) = delete;
    stop_deadline& operator=(const stop_deadline&) = delete;

private:
    static constexpr std::chrono::milliseconds limit{4500};

    void watch() {
        std::unique_lock lock{mutex_};
        if (!changed_.wait_for(lock, limit, [this] { return stopped_; })) {
            actors::write_log(actors::log_level::error, "the node did not stop in time and ends now; the next start recovers the store");
            std::_Exit(static_cast<int>(exit_code::failed));
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
    std::thread watcher_;
};

/// Ends the process on a signal while the node still starts: recovery may read for longer than a stop may take, and what is
/// on disk is then as after kill -9, which the next start knows how to handle. A start that is all but done is waited for,
/// and stopped in order: its ports may have taken work already.
class start_watch {
public:
    explicit start_watch(stop_signal& stop) : watcher_{[this, &stop] { watch(stop); }} {}
    ~start_watch() {
        {
            const std::lock_guard lock{mutex_};
            started_ = true;
        }
        changed_.notify_one();
        watcher_.join();
    }
    start_watch(const start_watch&) = delete;
    start_watch& operator=(const start_watch&) = delete;

private:
    static constexpr std::chrono::milliseconds look_interval{20};
    static constexpr std::chrono::milliseconds patience{500};

    void watch(stop_signal& stop) {
        while (!started_within(std::chrono::milliseconds{0})) {
            const int signal = stop.wait_for(look_interval);
            if (signal == 0) {
                continue;
            }
            if (started_within(patience)) {
                ::kill(::getpid(), signal); // for the wait that follows the start
                return;
            }
            actors::write_log(actors::log_level::info, std::string{"stopped while starting: "} + ::strsignal(signal));
            std::_Exit(static_cast<int>(exit_code::ok));
        }
    }

    bool started_within(std::chrono::milliseconds limit) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, limit, [this] { return started_; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool started_ = false;
    std::thread watcher_;
};

/// Why a role ended by itself, if one did.
class unexpected_end {
public:
    /// Remembers the first reason, and wakes whoever waits for a signal.
    void note(const error& reason) {
        {
            const std::lock_guard lock{mutex_};
            if (!reason_) {
                reason_ = reason;
            }
        }
        ::kill(::getpid(), SIGTERM);
    }
    [[nodiscard]] std::optional<error> reason() {
        const std::lock_guard lock{mutex_};
        return reason_;
    }

private:
    std::mutex mutex_;
    std::optional<error> reason_;
};

result<std::unique_ptr<node>> start(const config::node_config& config, stop_signal& stop) {
    const start_watch watch{stop};
    return node::start(config);
}

exit_code run(const command_context& context, const config_arguments& arguments) {
    const auto loaded = load(arguments, context);
    if (!loaded) {
        return exit_code::config;
    }
    const auto begin = clock::now();
    stop_signal stop; // before the first thread
    start_logging(loaded->config.log);
    const std::size_t files = raise_open_files_limit(loaded->config.network.connections_max);
    if (files < loaded->config.network.connections_max) {
        actors::write_log(actors::log_level::warning, "only " + std::to_string(files) +
                                                          " files may be open, fewer than network.connections_max (" +
                                                          std::to_string(loaded->config.network.connections_max) + "); raise `ulimit -n`");
    }
    auto started = start(loaded->config, stop);
    if (!started) {
        return context.fail(started.failure());
    }
    context.out << "ready in " << milliseconds_since(begin) << " ms: " << (*started)->description() << std::endl;
    const auto ended = std::make_shared<unexpected_end>();
    (*started)->on_end([ended](const error& reason) { ended->note(reason); });
    const int signal = stop.wait();
    const auto stop_begin = clock::now();
    const auto reason = ended->reason();
    actors::write_log(actors::log_level::info, "stopping: " + (reason ? reason->text : std::string{::strsignal(signal)}));
    const stop_deadline deadline;
    started->reset();
    actors::write_log(actors::log_level::info, "stopped in " + std::to_string(milliseconds_since(stop_begin)) + " ms");
    return reason ? context.fail(exit_code::failed, reason->text) : exit_code::ok;
}

} // namespace

void add_node_command(CLI::App& app, command_context& context) {
    const auto arguments = std::make_shared<config_arguments>();
    CLI::App* command = app.add_subcommand("node", "Run the roles that a configuration file names, until SIGINT or SIGTERM");
    command->add_option("-c,--config", arguments->file, "Configuration file; without it: a standalone node with default values")
        ->type_name("FILE");
    add_config_flags(*command, arguments);
    command->footer("Every configuration option is also a flag, like --broker-port 10911: see troupe config explain.\n\n"
                    "Examples:\n"
                    "  troupe node --config config/standalone.json\n"
                    "  troupe node --config config/standalone.json --broker-store-flush async\n"
                    "  troupe node --roles name_server --name-server-port 9877");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return run(context, *arguments); }; });
}

} // namespace troupe::apps
