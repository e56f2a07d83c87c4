#pragma once

#include "actors/messages/type_ids.hpp"
#include "client/embedded.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::client::test {

/// A client beside a name server and brokers that a test plays on CAF's own threads. Ends them all.
struct embedded_roles {
    struct config : caf::actor_system_config {
        config() {
            set("logger.verbosity", caf::atom("quiet"));
            actors::register_types(*this);
        }
    };
    config settings;
    caf::actor_system system{settings};
    std::vector<caf::actor> roles; ///< the name server, and the brokers
    std::optional<connection> via;

    embedded_roles() = default;
    ~embedded_roles() {
        via.reset();
        for (const auto& one : roles)
            caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    }
    embedded_roles(const embedded_roles&) = delete;
    embedded_roles& operator=(const embedded_roles&) = delete;

    /// `broker_names` of the brokers in `roles`, in their order. A client that there was before is gone.
    void connect(const std::vector<std::string>& broker_names, const client_options& options = {}) {
        local_handles handles;
        handles.name_servers = {caf::actor_cast<actors::name_server_actor>(roles.at(0))};
        for (std::size_t i = 0; i < broker_names.size(); ++i)
            handles.brokers[broker_names[i]] = caf::actor_cast<actors::broker_actor>(roles.at(i + 1));
        via = *embed(system, std::move(handles), options);
    }
};

} // namespace troupe::client::test
