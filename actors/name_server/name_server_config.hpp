#pragma once

#include "actors/name_server/name_server.hpp"
#include "protocol/config_text.hpp"

/// A name server's settings under RocketMQ's names, for tools (codes 318 and 319).
/// RocketMQ: NamesrvConfig, NettyServerConfig.
namespace troupe::actors {

/// Every setting that means here what it means in RocketMQ; a setting that would say something else is not there.
[[nodiscard]] protocol::config_values describe_config(const name_server_options& options);

/// The options after `changes`. Fails with not_permitted for the keys that say where RocketMQ itself lives, and with
/// argument_illegal, naming the key, for one that is unknown, cannot change at run time, or has a value that is not allowed.
/// A value that is the present one is always allowed.
[[nodiscard]] result<name_server_options> change_config(name_server_options options, const protocol::config_values& changes);

} // namespace troupe::actors
