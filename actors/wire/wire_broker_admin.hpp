#pragma once

#include "actors/messages/broker_admin.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what only tools ask of a broker: requests are decoded and answers encoded, never the other way round.
namespace troupe::actors::net {

template <>
result<find_group_config> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const group_config_found& answer);

} // namespace troupe::actors::net
