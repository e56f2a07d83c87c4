#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace troupe::test_support {

/// A listening socket on loopback, for a test that plays a broker by hand. Closed at its end. Throws std::system_error.
class loopback_listener {
public:
    loopback_listener() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        if (::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) != 0 || ::listen(socket_, 16) != 0 ||
            ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
            const std::error_code failure{errno, std::generic_category()};
            ::close(socket_);
            throw std::system_error{failure, "a listening socket on loopback"};
        }
        port_ = ntohs(address.sin_port);
    }
    ~loopback_listener() { ::close(socket_); }
    loopback_listener(const loopback_listener&) = delete;
    loopback_listener& operator=(const loopback_listener&) = delete;

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    /// The next connection, which is the caller's to close; -1 after shut_down().
    [[nodiscard]] int accept() const { return ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC); }
    /// From any thread.
    void shut_down() const { ::shutdown(socket_, SHUT_RDWR); }

private:
    int socket_;
    std::uint16_t port_ = 0;
};

} // namespace troupe::test_support
