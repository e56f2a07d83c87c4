#pragma once

#include "client/message.hpp"
#include "protocol/message_codec.hpp"

#include <cstddef>

namespace troupe::client {

/// A compressed body may unpack to this; producers of RocketMQ compress what was at most 4 MiB, if they keep the default.
inline constexpr std::size_t unpacked_bytes_max = 16u << 20;

/// What a consumer gets of a stored message. RocketMQ's producers compress bodies from 4 KiB on (zlib, LZ4, Zstandard), and leave it to the consumer to
/// unpack them. A body that cannot be unpacked stays as it is stored, and `compressed` says so. A message of a retry
/// topic names the topic it was sent to first.
received_message to_received(const message_queue& queue, protocol::message record);

} // namespace troupe::client
