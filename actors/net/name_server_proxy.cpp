#include "actors/net/name_server_proxy.hpp"

#include "actors/net/proxy.hpp"
#include "actors/wire/remote_requests.hpp"

#include <caf/actor_cast.hpp>

#include <utility>

namespace troupe::actors::net {

name_server_actor spawn_name_server_proxy(caf::actor_system& system, std::string address, link_options options) {
    check_rows<name_server_requests>(static_cast<const name_server_actor*>(nullptr));
    return caf::actor_cast<name_server_actor>(spawn_proxy(system, proxy_role::name_server, std::move(address), options));
}

} // namespace troupe::actors::net
