#include "apps/addresses.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::apps {

namespace {

/// A numeric address and its length as the socket calls want it.
struct socket_address {
    sockaddr_storage storage{};
    socklen_t bytes = 0;
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::string text_of(const sockaddr* address, socklen_t bytes) {
    std::array<char, NI_MAXHOST> text{};
    const bool good = ::getnameinfo(address, bytes, text.data(), static_cast<socklen_t>(text.size()), nullptr, 0, NI_NUMERICHOST) == 0;
    return good ? text.data() : std::string{};
}

/// A host of the ranges that documentation uses (RFC 5737, RFC 3849): a route to it is the default route.
socket_address somewhere_else(bool ipv6) {
    socket_address made;
    constexpr std::uint16_t any_port = 9;
    if (ipv6) {
        auto* address = reinterpret_cast<sockaddr_in6*>(&made.storage);
        address->sin6_family = AF_INET6;
        address->sin6_port = htons(any_port);
        ::inet_pton(AF_INET6, "2001:db8::1", &address->sin6_addr);
        made.bytes = sizeof(sockaddr_in6);
    } else {
        auto* address = reinterpret_cast<sockaddr_in*>(&made.storage);
        address->sin_family = AF_INET;
        address->sin_port = htons(any_port);
        ::inet_pton(AF_INET, "192.0.2.1", &address->sin_addr);
        made.bytes = sizeof(sockaddr_in);
    }
    return made;
}

} // namespace

result<std::string> resolve(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = AF_INET;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
        hints.ai_family = AF_UNSPEC;
        found = nullptr;
    }
    if (const int failure = found != nullptr ? 0 : ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failure != 0) {
        return error{errc::argument_illegal, "the host " + host + " does not resolve: " + ::gai_strerror(failure)};
    }
    std::array<char, NI_MAXHOST> text{};
    const int failure =
        ::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), static_cast<socklen_t>(text.size()), nullptr, 0, NI_NUMERICHOST);
    ::freeaddrinfo(found);
    if (failure != 0) {
        return error{errc::argument_illegal, "the host " + host + " does not resolve: " + ::gai_strerror(failure)};
    }
    return std::string{text.data()};
}

std::string join(const std::string& host, std::uint16_t port) {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

result<protocol::host_address> numeric_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    if (host.starts_with('[')) {
        host = host.substr(1, host.size() - 2);
    }
    const auto numeric = resolve(host);
    if (!numeric) {
        return numeric.failure();
    }
    return protocol::parse_host_address((numeric->find(':') == std::string::npos ? *numeric : "[" + *numeric + "]") +
                                        address.substr(colon));
}

result<std::uint16_t> free_port(const std::string& host) {
    const bool ipv6 = host.find(':') != std::string::npos;
    const int probe = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 address6{};
    sockaddr_in address4{};
    address6.sin6_family = AF_INET6;
    address4.sin_family = AF_INET;
    auto* address = ipv6 ? reinterpret_cast<sockaddr*>(&address6) : reinterpret_cast<sockaddr*>(&address4);
    socklen_t bytes = ipv6 ? sizeof(address6) : sizeof(address4);
    const bool good = probe >= 0 && ::bind(probe, address, bytes) == 0 && ::getsockname(probe, address, &bytes) == 0;
    if (probe >= 0) {
        ::close(probe);
    }
    if (!good) {
        return error{errc::io, "the system gave no free port"};
    }
    return ntohs(ipv6 ? address6.sin6_port : address4.sin_port);
}

bool is_wildcard(const std::string& host) {
    return host == "0.0.0.0" || host == "::";
}

std::string outbound_host(bool ipv6) {
    const std::string loopback = ipv6 ? "::1" : "127.0.0.1";
    const int probe = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return loopback;
    }
    // Connecting a datagram socket only looks up the route, and with it the address that packets would carry.
    const auto target = somewhere_else(ipv6);
    sockaddr_storage own{};
    socklen_t bytes = sizeof(own);
    const bool good =
        ::connect(probe, target.get(), target.bytes) == 0 && ::getsockname(probe, reinterpret_cast<sockaddr*>(&own), &bytes) == 0;
    ::close(probe);
    const std::string found = good ? text_of(reinterpret_cast<const sockaddr*>(&own), bytes) : std::string{};
    return found.empty() ? loopback : found;
}

std::vector<std::string> interface_hosts() {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) {
        return {};
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{all, &::freeifaddrs};
    std::vector<std::string> hosts;
    std::vector<std::string> loopback;
    for (const auto* each = all; each != nullptr; each = each->ifa_next) {
        const bool known = each->ifa_addr != nullptr && (each->ifa_addr->sa_family == AF_INET || each->ifa_addr->sa_family == AF_INET6);
        if (!known || (each->ifa_flags & IFF_UP) == 0) {
            continue;
        }
        const bool ipv6 = each->ifa_addr->sa_family == AF_INET6;
        auto host = text_of(each->ifa_addr, ipv6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
        if (host.empty() || host.find('%') != std::string::npos) { // link-local: means something only with its interface
            continue;
        }
        ((each->ifa_flags & IFF_LOOPBACK) != 0 ? loopback : hosts).push_back(std::move(host));
    }
    std::ranges::sort(hosts);
    hosts.insert(hosts.end(), loopback.begin(), loopback.end());
    return hosts;
}

} // namespace troupe::apps
