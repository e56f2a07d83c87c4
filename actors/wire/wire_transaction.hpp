#pragma once

#include "actors/messages/transaction_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for transactions. RocketMQ: EndTransactionRequestHeader, CheckTransactionStateRequestHeader,
/// ResumeCheckHalfMessageRequestHeader; the list, and what an answer says of where a transaction goes on, are Troupe's own.
namespace troupe::actors::net {

TROUPE_WIRE_ORDER(check_transaction) // one-way, to a client

/// As RocketMQ: ILLEGAL_OPERATION when it comes too late, SYSTEM_ERROR when there is no such half message.
protocol::remoting_command encode_end_transaction_failure(const error& failure);

} // namespace troupe::actors::net
