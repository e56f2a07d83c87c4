#include "tests/support/raw_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace troupe::test_support {

namespace {

/// Waits for an event; false at the deadline.
bool wait_for(int socket, short events, std::chrono::steady_clock::time_point end) {
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() < 0)
            return false;
        pollfd waiting{socket, events, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()) + 1);
        if (ready > 0)
            return true;
    }
}

} // namespace

raw_client::raw_client(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (socket_ >= 0 && ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        ::close(std::exchange(socket_, -1));
}

raw_client::raw_client(raw_client&& other) noexcept : socket_{std::exchange(other.socket_, -1)}, received_{std::move(other.received_)} {}

raw_client::~raw_client() {
    if (socket_ >= 0)
        ::close(socket_);
}

std::size_t raw_client::send_some(std::string_view bytes) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

bool raw_client::send(std::string_view bytes, std::chrono::milliseconds patience) {
    while (!bytes.empty()) {
        const auto sent = send_some(bytes);
        bytes.remove_prefix(sent);
        if (sent == 0 && !wait_for(socket_, POLLOUT, std::chrono::steady_clock::now() + patience))
            return false;
        char byte = 0;
        if (sent == 0 && ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            return false;
    }
    return true;
}

std::optional<protocol::remoting_command> raw_client::receive(std::chrono::milliseconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    for (;;) {
        const auto size = protocol::frame_size(received_);
        if (!size)
            return std::nullopt;
        if (size->has_value() && received_.size() >= **size) {
            const payload frame{received_.substr(0, **size)};
            received_.erase(0, **size);
            auto command = protocol::decode_frame(frame);
            return command ? std::optional{std::move(*command)} : std::nullopt;
        }
        if (!wait_for(socket_, POLLIN, end))
            return std::nullopt;
        std::array<char, 65536> buffer;
        const auto count = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (count <= 0)
            return std::nullopt;
        received_.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

bool raw_client::wait_closed(std::chrono::milliseconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    std::array<char, 65536> buffer;
    while (wait_for(socket_, POLLIN, end))
        if (::recv(socket_, buffer.data(), buffer.size(), 0) <= 0)
            return true;
    return false;
}

std::optional<protocol::remoting_command> raw_client::ask(const protocol::remoting_command& command) {
    if (!send(protocol::encode_frame(command)))
        return std::nullopt;
    return receive();
}

} // namespace troupe::test_support
