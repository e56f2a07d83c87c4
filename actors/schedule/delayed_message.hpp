#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {
class topic_snapshot;
}

/// How a message waits: in a queue of its level in a topic of the system, with its destination among its properties.
/// Source: RocketMQ's ScheduleMessageService, MessageConst.
namespace troupe::actors {

/// Where delayed messages wait; level n in queue n - 1.
inline constexpr std::string_view schedule_topic = "SCHEDULE_TOPIC_XXXX";
/// The group under which the offset keeper keeps how far each level is delivered. No client can have it: '@' is not allowed in the
/// name of a group.
inline constexpr std::string_view schedule_group = "@schedule";
/// Levels there may be at most.
inline constexpr std::size_t delay_levels_max = 64;

/// RocketMQ's table: 1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h.
[[nodiscard]] std::vector<std::chrono::milliseconds> default_delay_levels();

/// As RocketMQ writes it in messageDelayLevel: "1s 5s 2h".
[[nodiscard]] std::string format_delay_levels(const std::vector<std::chrono::milliseconds>& levels);

/// The level that the properties ask for; 0 or less: none. property_illegal when it is no number.
result<std::int32_t> delay_level_of(std::string_view properties);

/// Turns a message for its topic and queue into one that waits at `level`, from 1; a level above `levels` counts as `levels`.
void park(protocol::message& message, std::int32_t level, std::int32_t levels);

/// The way back, when the message is due. The properties stay, so that its consumers see DELAY, REAL_TOPIC and REAL_QID, as with
/// RocketMQ. Fails with corrupt, unchanged, if the destination is not there.
result<void> unpark(protocol::message& message);

/// The message as it goes from where it waited to its topic, as one of the topic's queues. Fails with corrupt (see unpark), and with
/// topic_not_found if its topic is gone or is one in which messages wait.
result<void> send_home(protocol::message& message, const topic_snapshot& topics);

} // namespace troupe::actors
