#include "actors/name_server_node.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <utility>

namespace troupe::actors {

result<name_server_node> spawn_name_server_node(caf::actor_system& system, net::listener_options listener, name_server_options options) {
    name_server_node node;
    node.name_server = spawn_name_server(system, options);
    auto bound = net::spawn_listener(system, std::move(listener), {nullptr, node.name_server});
    if (!bound) {
        caf::anon_send_exit(node.name_server, caf::exit_reason::user_shutdown);
        return bound.failure();
    }
    node.listener = std::move(*bound);
    return node;
}

void stop(caf::actor_system& system, name_server_node& node) {
    caf::scoped_actor self{system};
    self->send_exit(node.listener.handle, caf::exit_reason::user_shutdown);
    self->wait_for(node.listener.handle);
    self->send_exit(node.name_server, caf::exit_reason::user_shutdown);
    self->wait_for(node.name_server);
    node = {};
}

} // namespace troupe::actors
