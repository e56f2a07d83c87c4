#pragma once

#include "protocol/remoting_command.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::test_support {

/// A TCP client that may misbehave: bytes in, bytes out, on 127.0.0.1. Every wait has a deadline, so a test that fails
/// does not hang.
class raw_client {
public:
    explicit raw_client(std::uint16_t port);
    ~raw_client();
    raw_client(raw_client&& other) noexcept;
    raw_client& operator=(raw_client&&) = delete;

    [[nodiscard]] bool is_connected() const { return socket_ >= 0; }
    /// False when the peer has closed, or takes no more bytes for `patience`.
    bool send(std::string_view bytes, std::chrono::milliseconds patience = std::chrono::seconds{1});
    /// Sends what the socket takes without waiting; the number of bytes, 0 when it is full.
    std::size_t send_some(std::string_view bytes);
    /// The next answer; nothing after the deadline or when the peer has closed.
    std::optional<protocol::remoting_command> receive(std::chrono::milliseconds deadline = std::chrono::seconds{10});
    /// True once the peer has closed; false at the deadline. What it sent before is thrown away.
    bool wait_closed(std::chrono::milliseconds deadline = std::chrono::seconds{10});
    /// Sends the command and waits for the answer.
    std::optional<protocol::remoting_command> ask(const protocol::remoting_command& command);

private:
    int socket_ = -1;
    std::string received_;
};

} // namespace troupe::test_support
