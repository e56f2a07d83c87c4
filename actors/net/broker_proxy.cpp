#include "actors/net/broker_proxy.hpp"

#include "actors/net/proxy.hpp"

#include <utility>

namespace troupe::actors::net {

broker_actor spawn_broker_proxy(caf::actor_system& system, std::string address, link_options options) {
    check_rows<broker_requests>(static_cast<const broker_actor*>(nullptr));
    return caf::actor_cast<broker_actor>(spawn_proxy(system, proxy_role::broker, std::move(address), options));
}

} // namespace troupe::actors::net
