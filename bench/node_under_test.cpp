#include "bench/node_under_test.hpp"

#include "bench/load_generator.hpp"
#include "bench/peer.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace troupe::bench {

namespace {

constexpr std::chrono::seconds ready_limit{120};
constexpr std::chrono::seconds stop_limit{10};

std::uint16_t free_port() {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(probe, reinterpret_cast<const sockaddr*>(&address), length);
    ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(probe);
    return ntohs(address.sin_port);
}

std::string configuration(const node_settings& settings, std::uint16_t name_server_port, std::uint16_t broker_port) {
    const nlohmann::json all{
        {"roles", {"name_server", "broker"}},
        {"name_server", {{"port", name_server_port}}},
        {"broker",
         {{"port", broker_port},
          {"store", {{"directory", (settings.directory / "store").string()}, {"flush", settings.flush_sync ? "sync" : "async"}}}}},
        {"runtime", {{"scheduler_policy", settings.scheduler_policy}}},
    };
    return all.dump(2);
}

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

bool has_ended(pid_t process) {
    return ::waitpid(process, nullptr, WNOHANG) == process;
}

} // namespace

result<node_under_test> node_under_test::start(const node_settings& settings) {
    node_under_test node{settings};
    std::error_code failure;
    std::filesystem::create_directories(settings.directory, failure);
    if (failure) {
        return error{errc::io, settings.directory.string() + ": " + failure.message()};
    }
    node.broker_.port = free_port();
    const auto config = (settings.directory / "node.json").string();
    std::ofstream{config} << configuration(settings, free_port(), node.broker_.port);
    const auto program = settings.program.empty() ? std::filesystem::read_symlink("/proc/self/exe", failure) : settings.program;
    const auto log = (settings.directory / "node.log").string();

    const auto begin = now_ns();
    node.process_ = ::fork();
    if (node.process_ == 0) {
        const int out = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY, 0644);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(out, STDERR_FILENO);
        ::execl(program.c_str(), program.c_str(), "node", "--config", config.c_str(), nullptr);
        ::_exit(127);
    }
    while (!answers(node.broker_)) {
        if (has_ended(node.process_)) {
            node.process_ = 0;
            return error{errc::io, "the node ended before it was ready; see " + log};
        }
        if (std::chrono::nanoseconds{now_ns() - begin} > ready_limit) {
            return error{errc::timed_out, "the node was not ready in time; see " + log};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    node.time_to_ready_ = std::chrono::nanoseconds{now_ns() - begin};
    return node;
}

node_under_test::node_under_test(node_under_test&& other) noexcept
    : settings_{std::move(other.settings_)},
      process_{std::exchange(other.process_, 0)},
      broker_{other.broker_},
      time_to_ready_{other.time_to_ready_} {}

node_under_test::~node_under_test() {
    kill();
}

void node_under_test::kill() {
    if (process_ > 0) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        process_ = 0;
    }
}

result<void> node_under_test::stop() {
    if (process_ <= 0) {
        return {};
    }
    ::kill(process_, SIGTERM);
    const auto begin = now_ns();
    while (!has_ended(process_)) {
        if (std::chrono::nanoseconds{now_ns() - begin} > stop_limit) {
            kill();
            return error{errc::timed_out, "the node did not end within 10 s of SIGTERM"};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    process_ = 0;
    return {};
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
