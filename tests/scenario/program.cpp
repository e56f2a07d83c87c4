#include "tests/scenario/program.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace troupe::scenario {

program::program(program_options options) : options_{std::move(options)} {
    const char* binary = std::getenv("TROUPE_BINARY");
    if (binary == nullptr) {
        throw std::runtime_error{"ctest sets TROUPE_BINARY"};
    }
    std::filesystem::create_directories(options_.directory);
    std::vector<char*> arguments{const_cast<char*>(binary)};
    for (std::string& each : options_.arguments) {
        arguments.push_back(each.data());
    }
    arguments.push_back(nullptr);
    const auto log = (options_.directory / "output.log").string();
    process_ = ::fork();
    if (process_ != 0) {
        return;
    }
    const int out = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    // A test must not fail because the machine's disk is nearly full.
    ::setenv("TROUPE_BROKER_STORE_DISK_CLEAN_RATIO", "0.999", 1);
    ::setenv("TROUPE_BROKER_STORE_DISK_FULL_RATIO", "1", 1);
    for (const auto& [name, value] : options_.environment) {
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    bool good = ::chdir(options_.directory.c_str()) == 0;
    if (options_.file_bytes_max) {
        ::signal(SIGXFSZ, SIG_IGN); // the call fails instead
        const rlimit limit{*options_.file_bytes_max, *options_.file_bytes_max};
        good = good && ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
    }
    if (options_.user) {
        good = good && ::setuid(*options_.user) == 0;
    }
    if (good) {
        ::execv(binary, arguments.data());
    }
    std::perror(binary);
    ::_exit(127);
}

program::~program() {
    if (running()) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
}

bool program::running() {
    int status = 0;
    if (process_ > 0 && ::waitpid(process_, &status, WNOHANG) == process_) {
        end_ = WIFEXITED(status) ? testing::process_end{WEXITSTATUS(status), 0} : testing::process_end{-1, WTERMSIG(status)};
        process_ = 0;
    }
    return process_ > 0;
}

testing::process_end program::stop() {
    if (running()) {
        ::kill(process_, SIGTERM);
    }
    return wait();
}

testing::process_end program::wait() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (running()) {
        if (std::chrono::steady_clock::now() > deadline) {
            ::kill(process_, SIGKILL);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return end_;
}

std::string program::output() const {
    std::ifstream in{options_.directory / "output.log"};
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

} // namespace troupe::scenario
