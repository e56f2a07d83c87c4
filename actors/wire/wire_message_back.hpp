#pragma once

#include "actors/messages/message_back.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for failed messages. RocketMQ: ConsumerSendMsgBackRequestHeader.
namespace troupe::actors::net {

/// A send (codes 10, 310, 320) whose topic is a group's retry topic.
[[nodiscard]] bool is_sent_to_retry_topic(const protocol::remoting_command& command);

TROUPE_WIRE_SERVED_ORDER(send_retry_message) // answered like send_messages

/// As RocketMQ: but for an unknown group and a missing permission, whatever goes wrong is SYSTEM_ERROR, and the consumer sends the
/// message to the retry topic itself.
protocol::remoting_command encode_message_back_failure(const error& failure);

} // namespace troupe::actors::net
