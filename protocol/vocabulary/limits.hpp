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

// RocketMQ has none of these: bounds on what one request, or all clients together, can make a broker keep.
inline constexpr std::size_t topics_per_broker_max = 50'000; ///< with names of usual length their list fits into a frame
/// Each has a retry topic as well. With names of usual length, and all delays that a policy may have, their list fits into a frame: 700
/// bytes each. It has at most 45 members and elements for each, of the million that a reader of JSON takes.
inline constexpr std::size_t groups_per_broker_max = 20'000;
inline constexpr std::size_t unclaimed_groups_max = 20'000;  ///< that have committed offsets, and no configuration
inline constexpr std::size_t attributes_bytes_max = 4'096;   ///< of one topic: names and values together
inline constexpr std::size_t retry_delays_max = 20;          ///< of one group; RocketMQ's usual list has 18
inline constexpr std::size_t expression_bytes_max = 4'096;   ///< of a subscription or pull
inline constexpr std::size_t expression_nesting_max = 64;    ///< levels of parentheses, NOT and signs in an SQL92 expression
inline constexpr std::size_t expression_properties_max = 64; ///< different properties in an SQL92 expression
inline constexpr std::size_t client_id_bytes_max = 255;
inline constexpr std::size_t consumers_per_heartbeat_max = 1'000;    ///< groups that one client consumes in
inline constexpr std::size_t subscriptions_per_consumer_max = 1'000; ///< topics of one group
inline constexpr std::size_t members_per_broker_max = 1'000'000;     ///< clients, once for each group they are in
inline constexpr std::size_t changes_per_broker_max = 4'000;         ///< requests that wait for a topic or group to be stored

static_assert(body_bytes_max + properties_bytes_max + internal_topic_bytes_max < frame_bytes_max);

} // namespace troupe::limits
