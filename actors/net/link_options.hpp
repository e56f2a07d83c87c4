#pragma once

#include <chrono>
#include <cstddef>

namespace troupe::actors::net {

/// How a process talks to one remote address.
struct link_options {
    std::chrono::milliseconds connect_timeout{3'000};
    std::chrono::milliseconds request_timeout{5'000}; ///< a held pull gets its hold time on top
    std::chrono::milliseconds retry_min{50};          ///< first wait after a connect in vain; doubles; meanwhile requests fail at once
    std::chrono::milliseconds retry_max{1'000};
    std::size_t requests_max = 16'384;        ///< outstanding; beyond: busy
    std::size_t unsent_bytes_max = 64u << 20; ///< not yet taken by the socket; beyond: busy
};

} // namespace troupe::actors::net
