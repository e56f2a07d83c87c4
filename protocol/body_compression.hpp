#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// How a message's body is compressed: the number in bits 8 to 10 of its sys flag (RocketMQ: CompressionType, MessageSysFlag). LZ4 means
/// its frame format. Producers from before there was a choice leave 0 there and mean zlib.
enum class compression : std::uint8_t { lz4 = 1, zstd = 2, zlib = 3 };

/// Of a sys flag; nothing when the body is not compressed, or in a way that nobody has defined.
std::optional<compression> compression_of(std::int32_t sys_flag);

/// The bits of a sys flag that say so.
std::int32_t sys_flag_of(compression how);

/// How hard a method may try: more is smaller and slower.
struct compression_levels {
    int min = 0;
    int max = 0;
    int usual = 0;
};
/// zlib 1 to 9 (5, as RocketMQ's producers have it), Zstandard 1 to 19 (3; from 20 on the receiver needs more memory, too), LZ4 0 to 12 (0;
/// from 3 on it is as much slower as the others).
compression_levels levels_of(compression how);
/// "zlib", "LZ4", "Zstandard".
std::string_view name_of(compression how);

/// One zlib stream, LZ4 frame or Zstandard frame. `level`: within levels_of(how); none: the usual one. Nothing when it would not be
/// smaller than the body.
std::optional<std::string> pack_body(compression how, std::string_view body, std::optional<int> level = std::nullopt);

/// Unpacks to at most `bytes_max` bytes: more is refused as soon as it appears, whatever the body says of its size, and a Zstandard frame
/// that asks for a window over 16 MiB is refused. Fails with protocol_error, also when bytes follow the stream or it is cut short.
result<std::string> unpack_body(compression how, std::string_view packed, std::size_t bytes_max);

} // namespace troupe::protocol
