#pragma once

#include "actors/roles.hpp"

#include <chrono>
#include <cstddef>
#include <memory>

namespace troupe::actors::net {

struct broker_entry;

struct gateway_options {
    std::size_t requests_per_connection_max = 4'096;            ///< outstanding, held pulls included; beyond: busy
    std::size_t in_flight_bytes_per_connection_max = 64u << 20; ///< bodies of sends that wait for their answer; beyond: busy
    std::size_t session_requests_max = 1'024;                   ///< of the rarer kinds, per connection; beyond: busy
    std::chrono::milliseconds request_timeout{10'000}; ///< answered with an error after this long; pulls get their hold time on top
};

/// Which roles a port offers; at least one.
struct gateway_roles {
    std::shared_ptr<const broker_entry> broker; ///< see gateway.hpp; null: no broker behind this port
    name_server_actor name_server;              ///< null: no name server behind this port
};

} // namespace troupe::actors::net
