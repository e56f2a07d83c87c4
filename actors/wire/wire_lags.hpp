#pragma once

#include "actors/messages/lag_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for slow consumers; all of it is Troupe's own.
namespace troupe::actors::net {

template <>
protocol::remoting_command encode_request(const list_lags& order);
template <>
result<list_lags> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const lags_listed& answer);
template <>
result<lags_listed> decode_answer(const protocol::remoting_command& command);

} // namespace troupe::actors::net
