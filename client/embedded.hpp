#pragma once

#include "actors/messages/roles.hpp"
#include "client/connection.hpp"

#include <caf/actor_system.hpp>

#include <map>
#include <string>
#include <vector>

/// A client inside the process of the roles it talks to, or in a test: the caller brings the handles.
namespace troupe::client {

struct local_handles {
    std::vector<actors::name_server_actor> name_servers; ///< asked in this order
    std::map<std::string, actors::broker_actor> brokers; ///< by broker name, as routes name them
};

/// `system` must outlive every copy of the connection. `options.name_servers` is not used.
result<connection> embed(caf::actor_system& system, local_handles handles, client_options options = {});

} // namespace troupe::client
