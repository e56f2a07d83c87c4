#include "testing/ports.hpp"

#include <arpa/inet.h>
#include <mutex>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace troupe::testing {

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

std::uint16_t unused_port() {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t length = sizeof address;
    ::bind(probe, reinterpret_cast<const sockaddr*>(&address), length);
    ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(probe);
    return ntohs(address.sin_port);
}

bool accepts(std::uint16_t port) {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(port);
    const bool connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(probe);
    return connected;
}

} // namespace

std::uint16_t free_port() {
    static std::mutex mutex;
    static std::set<std::uint16_t> handed_out;
    const std::lock_guard lock{mutex};
    for (;;) {
        const auto port = unused_port();
        if (handed_out.insert(port).second) {
            return port;
        }
    }
}

bool wait_until_listening(std::uint16_t port, std::chrono::milliseconds limit, bool (*still_alive)(void*), void* context) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!accepts(port)) {
        if (std::chrono::steady_clock::now() > deadline || (still_alive != nullptr && !still_alive(context))) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

} // namespace troupe::testing
