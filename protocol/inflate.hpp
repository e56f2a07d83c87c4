#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::protocol {

inline constexpr std::size_t inflated_bytes_max = 64u << 20;
inline constexpr std::size_t inflation_factor_max = 200;

/// Inflates one zlib stream (RFC 1950) to at most inflated_bytes_max bytes and inflation_factor_max times its size: more is
/// refused as soon as it appears, so a small body cannot claim a lot of memory. Fails with protocol_error, also for bytes
/// after the stream.
result<std::string> inflate_bounded(std::string_view zlib_stream);

/// The same to at most `bytes_max` bytes however small the stream is: for message bodies, where a long run of one character is no
/// attack.
result<std::string> inflate_bounded(std::string_view zlib_stream, std::size_t bytes_max);

} // namespace troupe::protocol
