#pragma once

#include "actors/schedule/timer_keeper.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for timed messages. RECALL_MESSAGE has the fields of RecallMessageRequestHeader; the other requests are ours: texts
/// and numbers as fields, and records in the body as a pull's answer has them.
namespace troupe::actors::net {

template <>
result<recall_message> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const recall_message& order);
template <>
protocol::remoting_command encode_answer(const message_recalled& answer);
template <>
result<message_recalled> decode_answer(const protocol::remoting_command& command);

template <>
result<list_timers> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const list_timers& order);
template <>
protocol::remoting_command encode_answer(const timers_listed& answer);
template <>
result<timers_listed> decode_answer(const protocol::remoting_command& command);

template <>
result<find_timer> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const find_timer& order);
template <>
protocol::remoting_command encode_answer(const timer_found& answer);
template <>
result<timer_found> decode_answer(const protocol::remoting_command& command);

template <>
result<cancel_timer> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_request(const cancel_timer& order);
template <>
protocol::remoting_command encode_answer(const timer_cancelled& answer);
template <>
result<timer_cancelled> decode_answer(const protocol::remoting_command& command);

} // namespace troupe::actors::net
