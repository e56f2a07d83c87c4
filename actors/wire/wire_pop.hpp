#pragma once

#include "actors/messages/pop_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for pop consumers (PopMessageRequestHeader, ...). POP_MESSAGE, PEEK_MESSAGE, NOTIFICATION and POLLING_INFO are one
/// order of four kinds; ACK_MESSAGE and BATCH_ACK_MESSAGE are one, too.
namespace troupe::actors::net {

TROUPE_WIRE_BOTH(pop_messages, messages_popped) // answers of POLLING_INFO are encoded only
/// Asked as a batch; as ACK_MESSAGE for one message that is too far behind `start` for the offsets of a batch.
TROUPE_WIRE_BOTH(acknowledge_messages, messages_acknowledged)
TROUPE_WIRE_BOTH(change_invisible_time, invisible_time_changed)

/// For what is asked of a handle: RocketMQ has a code of its own for an offset outside the queue.
protocol::remoting_command encode_handle_failure(const error& failure);

} // namespace troupe::actors::net
