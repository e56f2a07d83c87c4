#pragma once

#include "protocol/vocabulary/result.hpp"

#include <string_view>

/// Which names topics and groups may have. Source: RocketMQ's TopicValidator and Validators.
namespace troupe {

/// Characters `[%|a-zA-Z0-9_-]`, 1 to topic_bytes_max bytes (internal_topic_bytes_max after %RETRY% or %DLQ%).
/// Fails with topic_illegal; the text names the first bad character and its place, or the length and the limit.
result<void> check_topic_name(std::string_view topic);

/// Same characters, 1 to group_bytes_max bytes. Fails with group_illegal.
result<void> check_group_name(std::string_view group);

/// True for names the system keeps for itself: TBW102, SCHEDULE_TOPIC_XXXX, RMQ_SYS_..., rmq_sys_..., and so on.
/// BenchmarkTest is none of them: RocketMQ's brokers make it for the benchmark programs, which here is up to their user.
bool is_system_topic(std::string_view topic);
/// True for groups that exist without being made: tools pull as TOOLS_CONSUMER and so on (RocketMQ: MixAll, SubscriptionGroupManager).
bool is_predefined_group(std::string_view group);
/// True for these, and for names that the system keeps for itself: CID_RMQ_SYS_...
bool is_system_group(std::string_view group);
bool is_retry_topic(std::string_view topic);
bool is_dead_letter_topic(std::string_view topic);

} // namespace troupe
