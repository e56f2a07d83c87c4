#pragma once

#include "actors/messages/broker_admin.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what only tools ask of a broker: requests are decoded and answers encoded; the other way round only what `client::admin` asks.
namespace troupe::actors::net {

template <>
protocol::remoting_command encode_request(const find_group_config& order);
template <>
result<find_group_config> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const group_config_found& answer);
template <>
result<group_config_found> decode_answer(const protocol::remoting_command& command);

} // namespace troupe::actors::net
