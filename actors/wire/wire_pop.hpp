#pragma once

#include "actors/messages/pop_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for pop consumers (PopMessageRequestHeader, ...). POP_MESSAGE, PEEK_MESSAGE, NOTIFICATION and POLLING_INFO are one
/// order of four kinds, and answers of POLLING_INFO are encoded only. ACK_MESSAGE and BATCH_ACK_MESSAGE are one order, too: asked as a batch;
/// as ACK_MESSAGE for one message that is too far behind `start` for the offsets of a batch.
namespace troupe::actors::net {

/// For what is asked of a handle: RocketMQ has a code of its own for an offset outside the queue.
protocol::remoting_command encode_handle_failure(const error& failure);

} // namespace troupe::actors::net
