#pragma once

#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

namespace troupe::config {

/// Most levels that may be configured.
inline constexpr std::size_t delay_levels_max = 64;

/// "1s 5s 2h" to the delay of each level, as RocketMQ's messageDelayLevel. Fails with argument_illegal; the text says what to write
/// instead.
result<std::vector<std::chrono::milliseconds>> parse_delay_levels(std::string_view text);

} // namespace troupe::config
