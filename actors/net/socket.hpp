#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// The few socket calls that CAF does not offer with an errno, a deadline or a bind address.
namespace troupe::actors::net {

/// "host:port" or "[v6]:port" taken apart; argument_illegal, naming the text.
result<std::pair<std::string, std::uint16_t>> split_address(std::string_view address);

/// A listening, non-blocking socket; the caller owns it. `host` is numeric. Fails with address_in_use, argument_illegal
/// or io, naming host and port.
result<int> open_listening_socket(const std::string& host, std::uint16_t port);
/// The port a socket is bound to.
std::uint16_t local_port(int socket);

/// A connected, non-blocking socket; the caller owns it. Looks the name up and waits, both blocking: not for scheduled
/// actors. Each takes at most `timeout`, connecting so long for each address. Fails with connect_failed.
result<int> connect_socket(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout);

/// Hands `bytes` to the socket without waiting; returns how many it took. An error takes none: the next read or write of
/// whoever owns the socket meets it.
std::size_t send_now(int socket, std::string_view bytes);

void close_socket(int socket);
/// Ends both directions at once, so that a peer that never reads cannot keep the descriptor.
void reset_socket(int socket);

/// How many descriptors the process may have open.
std::size_t descriptors_max();

} // namespace troupe::actors::net
