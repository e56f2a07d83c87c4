#include "actors/name_server/name_server_node.hpp"

#include "storage/file_system.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <utility>

namespace troupe::actors {

namespace {

void end_roles(caf::actor_system& system, name_server_node& node) {
    caf::scoped_actor self{system};
    self->send_exit(node.name_server, caf::exit_reason::user_shutdown);
    self->wait_for(node.name_server);
    if (node.kv_keeper) {
        self->send(node.kv_keeper, finish{});
        self->wait_for(node.kv_keeper);
    }
}

} // namespace

result<name_server_node> spawn_name_server_node(caf::actor_system& system, net::listener_options listener, name_server_options options,
                                                std::shared_ptr<storage::file_system> files) {
    name_server_node node;
    name_server_kv kv;
    if (!options.kv_config_path.empty()) {
        if (!files)
            files = storage::posix_file_system();
        auto loaded = load_kv_config(*files, options.kv_config_path);
        if (!loaded)
            return loaded.failure();
        node.kv_keeper = spawn_kv_keeper(system, std::move(files), options.kv_config_path);
        kv = {std::move(*loaded), node.kv_keeper};
    }
    options.listen_port = listener.port;
    node.name_server = spawn_name_server(system, std::move(options), std::move(kv));
    auto bound = net::spawn_listener(system, std::move(listener), {nullptr, node.name_server, node.name_server});
    if (!bound) {
        end_roles(system, node);
        return bound.failure();
    }
    node.listener = std::move(*bound);
    return node;
}

void stop(caf::actor_system& system, name_server_node& node) {
    {
        caf::scoped_actor self{system};
        self->send_exit(node.listener.handle, caf::exit_reason::user_shutdown);
        self->wait_for(node.listener.handle);
    }
    end_roles(system, node);
    node = {};
}

} // namespace troupe::actors
