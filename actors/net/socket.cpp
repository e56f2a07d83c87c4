#include "actors/net/socket.hpp"

#include "actors/net/host_lookup.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::actors::net {

namespace {

constexpr int backlog = 4096;

std::string where(const std::string& host, std::uint16_t port) {
    return host + ":" + std::to_string(port);
}

error failed(errc code, const std::string& what, const std::string& host, std::uint16_t port, int number) {
    return {code, what + " " + where(host, port) + ": " + std::strerror(number)};
}

/// An address for socket calls.
struct socket_address {
    sockaddr_storage storage{};
    socklen_t bytes = 0;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

result<socket_address> numeric_address(const std::string& host, std::uint16_t port) {
    socket_address address;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        address.bytes = sizeof(sockaddr_in);
        return address;
    }
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        address.bytes = sizeof(sockaddr_in6);
        return address;
    }
    return error{errc::argument_illegal, "cannot listen on " + where(host, port) + ": give the address as numbers, such as 127.0.0.1"};
}

/// Waits until a connect that is under way has ended; returns its errno.
int finish_connect(int socket, std::chrono::milliseconds timeout) {
    pollfd waiting{socket, POLLOUT, 0};
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        const int ready = ::poll(&waiting, 1, static_cast<int>(std::max(left, std::chrono::milliseconds{0}).count()));
        if (ready == 0)
            return ETIMEDOUT;
        if (ready < 0 && errno != EINTR)
            return errno;
        if (ready > 0)
            break;
    }
    int outcome = 0;
    socklen_t bytes = sizeof(outcome);
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &outcome, &bytes) == 0 ? outcome : errno;
}

result<int> connect_one(const addrinfo& target, const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout) {
    const int made = ::socket(target.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return failed(errc::connect_failed, "cannot make a socket for", host, port, errno);
    int outcome = ::connect(made, target.ai_addr, target.ai_addrlen) == 0 ? 0 : errno;
    if (outcome == EINPROGRESS)
        outcome = finish_connect(made, timeout);
    if (outcome == 0)
        return made;
    close_socket(made);
    return failed(errc::connect_failed, "cannot connect to", host, port, outcome);
}

} // namespace

result<std::pair<std::string, std::uint16_t>> split_address(std::string_view address) {
    const auto colon = address.rfind(':');
    std::uint16_t port = 0;
    if (colon != std::string_view::npos && colon > 0) {
        const auto digits = address.substr(colon + 1);
        const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        auto host = address.substr(0, colon);
        if (host.size() > 2 && host.front() == '[' && host.back() == ']')
            host = host.substr(1, host.size() - 2);
        if (problem == std::errc{} && end == digits.data() + digits.size() && port != 0)
            return std::pair{std::string{host}, port};
    }
    return error{errc::argument_illegal, "\"" + std::string{address} + "\" is no address: write host:port, such as 127.0.0.1:9876"};
}

result<int> open_listening_socket(const std::string& host, std::uint16_t port) {
    const auto address = numeric_address(host, port);
    if (!address)
        return address.failure();
    const int made = ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return failed(errc::io, "cannot make a socket for", host, port, errno);
    const int on = 1; // a restart must not wait for the connections of the run before
    ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(made, address->get(), address->bytes) == 0 && ::listen(made, backlog) == 0)
        return made;
    const int number = errno;
    close_socket(made);
    if (number == EADDRINUSE)
        return error{errc::address_in_use,
                     "cannot listen on " + where(host, port) + ": another process uses this port; stop it, or choose another port"};
    return failed(errc::io, "cannot listen on", host, port, number);
}

std::uint16_t local_port(int socket) {
    socket_address address;
    address.bytes = sizeof(address.storage);
    if (::getsockname(socket, address.get(), &address.bytes) != 0)
        return 0;
    if (address.storage.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

result<int> connect_socket(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout) {
    const auto found = look_up(host, port, timeout);
    if (!found)
        return found.failure();
    result<int> outcome = error{errc::connect_failed, "the host of " + where(host, port) + " has no address"};
    for (const addrinfo* each = found->get(); each != nullptr && !outcome; each = each->ai_next)
        outcome = connect_one(*each, host, port, timeout);
    return outcome;
}

std::size_t send_now(int socket, std::string_view bytes) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

void close_socket(int socket) {
    ::close(socket);
}

void reset_socket(int socket) {
    ::shutdown(socket, SHUT_RDWR);
}

std::size_t descriptors_max() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    return static_cast<std::size_t>(limit.rlim_cur);
}

} // namespace troupe::actors::net
