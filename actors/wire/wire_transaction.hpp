#pragma once

#include "actors/messages/transaction_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for transactions. RocketMQ: EndTransactionRequestHeader, CheckTransactionStateRequestHeader,
/// ResumeCheckHalfMessageRequestHeader; the list, and what an answer says of where a transaction goes on, are Troupe's own.
namespace troupe::actors::net {

template <>
protocol::remoting_command encode_request(const end_transaction& order);
template <>
result<end_transaction> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const transaction_ended& answer);
template <>
result<transaction_ended> decode_answer(const protocol::remoting_command& command);

template <>
protocol::remoting_command encode_request(const list_transactions& order);
template <>
result<list_transactions> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const transactions_listed& answer);
template <>
result<transactions_listed> decode_answer(const protocol::remoting_command& command);

template <>
protocol::remoting_command encode_request(const resume_transaction& order);
template <>
result<resume_transaction> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const transaction_resumed& answer);
template <>
result<transaction_resumed> decode_answer(const protocol::remoting_command& command);

/// One-way, to a client.
template <>
protocol::remoting_command encode_request(const check_transaction& order);
template <>
result<check_transaction> decode_request(const protocol::remoting_command& command);

/// As RocketMQ: ILLEGAL_OPERATION when it comes too late, SYSTEM_ERROR when there is no such half message.
protocol::remoting_command encode_end_transaction_failure(const error& failure);

} // namespace troupe::actors::net
