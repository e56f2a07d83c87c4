#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

/// The text in which a broker's settings travel (codes 25, 26): "key=value" lines, as Java's Properties reads them.
/// Source: RocketMQ's MixAll.properties2String, string2Properties.
namespace troupe::protocol {

using config_values = std::map<std::string, std::string>;

inline constexpr std::size_t config_lines_max = 10'000;

/// One line per key, sorted. Backslashes and line ends of values are escaped. Bytes beyond ASCII become '?', as Java would read
/// each of them as a character of its own.
std::string encode_config_text(const config_values& values);
/// Blank lines and comments are passed over; a key that stands there twice has its last value. Fails with protocol_error for a
/// line without a key, a text with more than config_lines_max lines, and a line that ends in a backslash: RocketMQ's tools
/// write none.
result<config_values> decode_config_text(std::string_view text);

} // namespace troupe::protocol
