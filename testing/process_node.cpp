#include "testing/process_node.hpp"

#include "testing/ports.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace troupe::testing {

namespace {

constexpr std::chrono::milliseconds poll_interval{2};

std::string quoted(const std::string& text) {
    return '"' + text + '"';
}

std::string loopback_address(std::uint16_t port) {
    return "127.0.0.1:" + std::to_string(port);
}

std::string last_lines(const std::string& text, std::size_t bytes_max) {
    return text.size() <= bytes_max ? text : "..." + text.substr(text.size() - bytes_max);
}

std::filesystem::path default_program() {
    const char* set = std::getenv("TROUPE_BINARY");
    return set != nullptr ? set : "troupe";
}

} // namespace

process_node::process_node(process_node_options options) : options_{std::move(options)} {
    if (options_.program.empty()) {
        options_.program = default_program();
    }
    if (options_.runs_name_server && options_.name_server_port == 0) {
        options_.name_server_port = free_port();
    }
    if (options_.runs_broker && options_.broker_port == 0) {
        options_.broker_port = free_port();
    }
    std::filesystem::create_directories(options_.directory);
}

process_node::~process_node() {
    kill();
}

std::string process_node::configuration() const {
    std::ostringstream json;
    json << "{\"roles\": [" << (options_.runs_name_server ? "\"name_server\"" : "")
         << (options_.runs_name_server && options_.runs_broker ? ", " : "") << (options_.runs_broker ? "\"broker\"" : "") << "]";
    if (options_.runs_name_server) {
        json << ",\n \"name_server\": {\"port\": " << options_.name_server_port << "}";
    }
    if (options_.runs_broker) {
        json << ",\n \"broker\": {\"name\": " << quoted(options_.broker_name) << ", \"port\": " << options_.broker_port
             << ", \"vip_port\": " << (options_.vip_port ? "true" : "false");
        if (!options_.name_servers.empty()) {
            json << ", \"name_servers\": [";
            for (std::size_t i = 0; i < options_.name_servers.size(); ++i) {
                json << (i == 0 ? "" : ", ") << quoted(options_.name_servers[i]);
            }
            json << "]";
        }
        json << (options_.more_broker_json.empty() ? "" : ", ") << options_.more_broker_json;
        json << ",\n  \"store\": {\"directory\": "
             << quoted(store_directory().string())
             // A test must not fail, nor lose old segments, because the disk of the machine is nearly full.
             << ", \"disk_clean_ratio\": 0.999, \"disk_full_ratio\": 1, \"flush\": " << (options_.flush_sync ? "\"sync\"" : "\"async\"")
             << (options_.more_store_json.empty() ? "" : ", ") << options_.more_store_json << "}}";
    }
    json << "}\n";
    return json.str();
}

result<void> process_node::launch() {
    if (running()) {
        return error{errc::already_exists, "the node runs already, as process " + std::to_string(process_)};
    }
    const auto config = (options_.directory / "node.json").string();
    std::ofstream{config} << configuration();
    const auto log = log_file().string();
    const auto program = options_.program.string();
    process_ = ::fork();
    if (process_ == 0) {
        const int out = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY, 0644);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(out, STDERR_FILENO);
        ::execlp(program.c_str(), program.c_str(), "node", "--config", config.c_str(), nullptr);
        std::perror(program.c_str());
        ::_exit(127);
    }
    if (process_ < 0) {
        process_ = 0;
        return error{errc::io, "fork failed"};
    }
    return {};
}

result<void> process_node::start() {
    if (auto launched = launch(); !launched) {
        return launched;
    }
    const auto alive = [](void* node) { return static_cast<process_node*>(node)->running(); };
    const auto vip_port =
        options_.runs_broker && options_.vip_port ? static_cast<std::uint16_t>(options_.broker_port - 2) : std::uint16_t{};
    for (const auto port : {options_.name_server_port, options_.broker_port, vip_port}) {
        if (port == 0 || wait_until_listening(port, options_.ready_limit, alive, this)) {
            continue;
        }
        if (running()) {
            return error{errc::timed_out, loopback_address(port) + " does not accept connections; log: " + last_lines(log_text(), 2000)};
        }
        return error{errc::io, "the node ended with exit code " + std::to_string(end_.exit_code) + ", signal " +
                                   std::to_string(end_.signal) + "; log: " + last_lines(log_text(), 2000)};
    }
    return {};
}

bool process_node::running() {
    if (process_ <= 0) {
        return false;
    }
    int status = 0;
    if (::waitpid(process_, &status, WNOHANG) != process_) {
        return true;
    }
    end_ = WIFEXITED(status) ? process_end{WEXITSTATUS(status), 0} : process_end{-1, WTERMSIG(status)};
    process_ = 0;
    return false;
}

void process_node::kill() {
    if (process_ > 0) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        process_ = 0;
        end_ = {-1, SIGKILL};
    }
}

void process_node::pause() {
    if (process_ > 0) {
        ::kill(process_, SIGSTOP);
    }
}

void process_node::resume() {
    if (process_ > 0) {
        ::kill(process_, SIGCONT);
    }
}

result<process_end> process_node::wait(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (running()) {
        if (std::chrono::steady_clock::now() > deadline) {
            kill();
            return error{errc::timed_out, "the node did not end within " + std::to_string(limit.count()) + " ms"};
        }
        std::this_thread::sleep_for(poll_interval);
    }
    return end_;
}

result<process_end> process_node::stop(std::chrono::milliseconds limit) {
    if (running()) {
        ::kill(process_, SIGTERM);
    }
    return wait(limit);
}

std::string process_node::name_server_address() const {
    return loopback_address(options_.name_server_port);
}

std::string process_node::broker_address() const {
    return loopback_address(options_.broker_port);
}

std::string process_node::log_text() const {
    std::ifstream in{log_file()};
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

void process_node::print_log() const {
    std::fprintf(stderr, "---- %s\n%s----\n", log_file().c_str(), log_text().c_str());
}

} // namespace troupe::testing
