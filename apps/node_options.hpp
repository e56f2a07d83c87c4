#pragma once

#include "actors/broker/broker_options.hpp"
#include "actors/broker/registrar.hpp"
#include "actors/name_server/name_server.hpp"
#include "actors/net/gateway_options.hpp"
#include "actors/net/listener.hpp"
#include "config/node_config.hpp"

/// The configuration, as the options of each part. Pure functions.
namespace troupe::apps {

actors::net::listener_options listener_options_of(const config::node_config& config, std::string host, std::uint16_t port);
actors::net::gateway_options gateway_options_of(const config::node_config& config);
actors::name_server_options name_server_options_of(const config::node_config& config);
/// `address` is the one that clients dial.
actors::broker_options broker_options_of(const config::node_config& config, const protocol::host_address& address);
actors::registrar_options registrar_options_of(const config::node_config& config, std::string address);

} // namespace troupe::apps
