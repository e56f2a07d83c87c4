#pragma once

#include "client/message.hpp"
#include "protocol/message_codec.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace troupe::client {

/// A compressed body may unpack to this; producers of RocketMQ compress what was at most 4 MiB, if they keep the default.
inline constexpr std::size_t unpacked_bytes_max = 16u << 20;

/// How much the bodies of one answer, or of one list, may unpack to together: a few kilobytes of records may hold gigabytes.
///
/// Always  as long as nothing was taken, one body of unpacked_bytes_max fits.
class unpacking_room {
public:
    static constexpr std::size_t bytes_max = 64u << 20;

    explicit unpacking_room(std::size_t bytes = bytes_max) : left_{bytes} {}
    [[nodiscard]] std::size_t for_one() const { return std::min(left_, unpacked_bytes_max); }
    void take(std::size_t bytes) { left_ -= std::min(left_, bytes); }

private:
    std::size_t left_;
};

/// A message with its body as it is stored: packed, where `message.compressed` says so. Consumers keep messages like this, and whoever is to get
/// one has it unpacked on his own thread: those of the scheduler are shared by all actors of the process, and a few kilobytes may unpack to
/// many megabytes.
struct stored_message {
    received_message message;
    std::int32_t sys_flag = 0; ///< of its record
};

/// What a consumer gets of a stored message. RocketMQ's producers compress bodies from 4 KiB on (zlib, LZ4, Zstandard), and leave it to the consumer to
/// unpack them. A body that cannot be unpacked stays as it is stored, and `compressed` says so. A message of a retry
/// topic names the topic it was sent to first.
received_message to_received(const message_queue& queue, protocol::message record);
/// The same of one of several, whose bodies share `room`: one that does not fit stays as it is stored.
received_message to_received(const message_queue& queue, protocol::message record, unpacking_room& room);

/// The same in two steps, for whoever takes messages where no time may be spent: the message with its body as it is stored; `compressed` says
/// whether it is packed ...
received_message to_received_packed(const message_queue& queue, protocol::message record);
/// ... and its body unpacked, where its record had this sys flag. False: it stays as it is stored for now, and may unpack where more room is
/// left.
bool unpack(received_message& m, std::int32_t sys_flag, unpacking_room& room);
/// The message for its handler; `stored` stays as it is, for another try.
received_message unpacked(const stored_message& stored);

} // namespace troupe::client
