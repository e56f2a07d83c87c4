#pragma once

#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// Sizes and durations as people write them in configuration files and on the command line: a whole number and a unit.
namespace troupe::config {

/// "64MiB" to bytes. Units: B, KiB, MiB, GiB, TiB. Fails with argument_illegal; the text says what to write instead.
result<std::uint64_t> parse_size(std::string_view text);
/// "500ms" to milliseconds. Units: ms, s, m, h, d. Fails with argument_illegal; the text says what to write instead.
result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The shortest exact form that parse_size reads back: 1048576 is "1MiB", 1048577 is "1048577B".
std::string format_size(std::uint64_t bytes);
/// The shortest exact form that parse_duration reads back: 60000 ms is "1m".
std::string format_duration(std::chrono::milliseconds duration);

} // namespace troupe::config
