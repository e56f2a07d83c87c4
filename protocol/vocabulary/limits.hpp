#pragma once

#include <cstddef>
#include <cstdint>

/// RocketMQ's limits, which clients rely on (broker-side defaults of Apache RocketMQ 4.9 and 5.x).
namespace troupe::limits {

inline constexpr std::size_t body_bytes_max = 4u << 20;
inline constexpr std::size_t properties_bytes_max = 32'767;
inline constexpr std::size_t topic_bytes_max = 127;
inline constexpr std::size_t internal_topic_bytes_max = 255; ///< %RETRY%... and %DLQ%...
inline constexpr std::size_t group_bytes_max = 120;
inline constexpr std::size_t frame_bytes_max = 16u << 20; ///< including the length word
inline constexpr std::int32_t queues_per_topic_max = 1024;

static_assert(body_bytes_max + properties_bytes_max + internal_topic_bytes_max < frame_bytes_max);

} // namespace troupe::limits
