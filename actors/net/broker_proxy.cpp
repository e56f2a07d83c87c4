#include "actors/net/broker_proxy.hpp"

#include "actors/net/proxy.hpp"

#include <caf/actor_cast.hpp>

#include <utility>

namespace troupe::actors::net {

broker_actor spawn_broker_proxy(caf::actor_system& system, std::string address, link_options options) {
    return caf::actor_cast<broker_actor>(spawn_proxy(system, proxy_role::broker, std::move(address), options));
}

} // namespace troupe::actors::net
