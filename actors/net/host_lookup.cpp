#include "actors/net/host_lookup.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <netdb.h>
#include <optional>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

namespace troupe::actors::net {

namespace {

std::atomic<std::size_t> running{0};

/// What a look-up and its caller share: whichever ends last.
struct shared_outcome {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<result<host_addresses>> outcome;
};

error not_found(const std::string& host, std::uint16_t port, const std::string& why) {
    return {errc::connect_failed, "cannot find the host of " + host + ":" + std::to_string(port) + ": " + why};
}

result<host_addresses> ask_system(const std::string& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    if (const int problem = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); problem != 0)
        return not_found(host, port, ::gai_strerror(problem));
    if (found == nullptr)
        return not_found(host, port, "it has no address");
    return host_addresses{found, [](const addrinfo* all) { ::freeaddrinfo(const_cast<addrinfo*>(all)); }};
}

} // namespace

result<host_addresses> resolve(const std::string& host, std::uint16_t port) {
    return ask_system(host, port, 0);
}

std::size_t lookups_running() {
    return running.load();
}

result<host_addresses> look_up(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout, resolver ask) {
    if (auto number = ask_system(host, port, AI_NUMERICHOST))
        return number;
    if (running.fetch_add(1) >= lookups_max) {
        running.fetch_sub(1);
        return not_found(host, port, std::to_string(lookups_max) + " look-ups wait for the resolver already; look at /etc/resolv.conf");
    }
    const auto shared = std::make_shared<shared_outcome>();
    try {
        std::thread{[shared, host, port, ask = std::move(ask)] {
            auto outcome = ask(host, port);
            running.fetch_sub(1);
            {
                const std::lock_guard guard{shared->mutex};
                shared->outcome = std::move(outcome);
            }
            shared->changed.notify_one();
        }}.detach();
    } catch (const std::system_error& problem) {
        running.fetch_sub(1);
        return not_found(host, port, problem.what());
    }
    std::unique_lock guard{shared->mutex};
    if (!shared->changed.wait_for(guard, timeout, [&shared] { return shared->outcome.has_value(); }))
        return not_found(host, port,
                         "the resolver has not answered within " + std::to_string(timeout.count()) + " ms; look at /etc/resolv.conf");
    return std::move(*shared->outcome);
}

} // namespace troupe::actors::net
