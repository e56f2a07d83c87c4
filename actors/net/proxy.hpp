#pragma once

#include "actors/net/link_options.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <cstdint>
#include <string>

namespace troupe::actors::net {

enum class proxy_role : std::uint8_t { broker, name_server };

/// A link on a socket, with the interface of a role: what broker_proxy and name_server_proxy spawn. Runs in CAF's
/// multiplexer thread, so that a request reaches its socket, and an answer its requester, without another actor between.
caf::actor spawn_proxy(caf::actor_system& system, proxy_role role, std::string address, link_options options);

} // namespace troupe::actors::net
