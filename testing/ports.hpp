#pragma once

#include <chrono>
#include <cstdint>

namespace troupe::testing {

/// A loopback port that nobody uses now, and that this process has not handed out before.
std::uint16_t free_port();

/// Waits until somebody accepts connections at 127.0.0.1:`port`; false after `limit`. `still_alive` is asked between
/// attempts and ends the wait with false.
bool wait_until_listening(std::uint16_t port, std::chrono::milliseconds limit, bool (*still_alive)(void*) = nullptr,
                          void* context = nullptr);

} // namespace troupe::testing
