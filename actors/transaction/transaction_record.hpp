#pragma once

#include "actors/messages/transaction_messages.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/pending_transaction.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// A transaction's messages, before and after its outcome. Source: docs/decisions/0011, docs/states/transaction.md
/// (RocketMQ: TransactionalMessageBridge, EndTransactionProcessor).
namespace troupe::actors {

/// The value of a property; empty without it.
[[nodiscard]] std::string text_of(std::string_view properties, std::string_view property);
/// "the transaction at log position 12": what people are told of the one whose half message is there.
[[nodiscard]] std::string transaction_at(log_position half);
/// Whether a message with these properties is sent as a half message.
[[nodiscard]] bool is_half_message(std::string_view properties);

/// Turns a message for its topic and queue into a half message of `group`; all that its outcome will need is in it, so that no record
/// made of it later is larger than it may be.
void prepare(protocol::message& message, std::string_view group);

/// No question before this age, if the message says so; property_illegal when it is no number of seconds.
result<std::optional<std::chrono::milliseconds>> immunity_of(std::string_view properties);

/// Whether `order` speaks of `half`, which is a record at its position. Fails as end_transaction.
result<void> check_order(const end_transaction& order, const protocol::message& half);
/// Whether it comes in time: one that nobody asked for must not come after the message's own time-out.
result<void> check_in_time(const end_transaction& order, const protocol::message& half, timestamp_ms now);

/// The message as its consumers see it; its queue is the one that was asked for. Fails with corrupt.
result<protocol::message> committed_message(protocol::message half);
/// The record that it was rolled back.
[[nodiscard]] protocol::message rolled_back_message(log_position half, queue_offset offset, std::string_view unique_key);
/// The message as it is kept for people.
[[nodiscard]] protocol::message given_up_message(protocol::message half);
/// The half message that goes on with a given-up one, which is a record at its position.
[[nodiscard]] protocol::message resumed_message(protocol::message given_up);
/// The record that a producer was asked for the `number`th time.
[[nodiscard]] protocol::message question_message(log_position half, queue_offset offset, std::int32_t number);
/// The message as its producer is asked about it. Fails with corrupt.
result<protocol::message> asked_message(protocol::message half);

} // namespace troupe::actors
