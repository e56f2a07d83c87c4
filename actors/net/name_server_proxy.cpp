#include "actors/net/name_server_proxy.hpp"

#include "actors/net/proxy.hpp"

#include <caf/actor_cast.hpp>

#include <utility>

namespace troupe::actors::net {

name_server_actor spawn_name_server_proxy(caf::actor_system& system, std::string address, link_options options) {
    return caf::actor_cast<name_server_actor>(spawn_proxy(system, proxy_role::name_server, std::move(address), options));
}

} // namespace troupe::actors::net
