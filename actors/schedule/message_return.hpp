#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// What becomes of a message that a consumer could not handle. Source: RocketMQ's AbstractSendMessageProcessor
/// (consumerSendMsgBack); docs/states/retry.md.
namespace troupe::actors {

struct send_messages;

/// Tries of a group that says nothing else, and of one that says -1.
inline constexpr std::int32_t retry_max_default = 16;
/// Whoever sends a message says how often it was tried: counts beyond this, which no group allows, count as this.
inline constexpr std::int32_t reconsume_times_max = 1'000'000;
[[nodiscard]] std::string retry_topic_of(const std::string& group);
[[nodiscard]] std::string dead_letter_topic_of(const std::string& group);

/// A policy is argument_illegal with a delay that is not from 0 to `horizon`, with none at first, or one that shrinks.
[[nodiscard]] result<void> check_retries(const retry_policy& retries, std::chrono::milliseconds horizon);
/// How long a message waits that failed after `reconsume_times` tries before this one. Nothing: as its level says. As in RocketMQ, the
/// third of a list of delays is for the first failure, where the third level of the broker would be.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_delay(const retry_policy& retries, std::int32_t reconsume_times);

struct return_rules {
    std::string group;
    std::int32_t delay_level = 0; ///< that the consumer asked for; 0: the longer the more tries there were, below 0: no further try
    std::int32_t retry_max = retry_max_default;
    retry_policy retries = {};
};
struct returned_message {
    protocol::message copy;                         ///< for the group's retry or dead letter topic; the queue is open
    std::int32_t delay_level = 0;                   ///< 0: dead, to be stored at once
    std::optional<std::chrono::milliseconds> delay; ///< that it waits for instead, among the timers
};
/// The copy to be stored of a message as it was read from the log: body, flag, tags, keys and what is said of its birth stay.
[[nodiscard]] returned_message return_message(protocol::message failed, const return_rules& rules);

/// The record of a copy. Where its properties have become too many, what the broker added to them goes, for the message is worth more; then
/// it is missing from `copy`, too. A copy that is retried keeps what it needs for that. Fails as encode_record.
result<std::string> encode_returned(protocol::message& copy, bool is_retried);

/// What becomes of a message that a consumer sends to its retry topic itself: because it could not give it back, with this try counted, or
/// because it reads in order and gives the message up. Java's clients before 5 do not count the try then, so that at the limit only the
/// kind of consumer tells the last try from no more tries.
enum class own_retry { tried_again, dead, dead_if_in_order };
[[nodiscard]] own_retry judge_own_retry(std::int32_t reconsume_times, std::int32_t retry_max);
/// Changes such an order to go to the group's dead letter topic.
void divert_to_dead_letters(send_messages& order, const std::string& group);

} // namespace troupe::actors
