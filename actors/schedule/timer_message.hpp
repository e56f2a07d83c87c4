#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/timer_store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {
class topic_snapshot;
}

/// How a message that is to be delivered at a certain time stands in the log, how it is taken back, and how its delivery is noted.
/// Source: RocketMQ's TimerMessageStore, RecallMessageProcessor, MessageConst; docs/formats/timers.md.
namespace troupe::actors {

/// Where timers wait, and orders to recall some: queue 0.
inline constexpr std::string_view timer_topic = "rmq_sys_wheel_timer";
/// Notes of which timers were delivered: queue 0. RocketMQ has no such topic.
inline constexpr std::string_view timer_done_topic = "rmq_sys_TROUPE_TIMER_DONE";
[[nodiscard]] const topic_queue& timer_queue();
[[nodiscard]] const topic_queue& timer_done_queue();

/// How far ahead a timer may be, if nothing else is configured: three days, as RocketMQ.
inline constexpr std::chrono::milliseconds timer_horizon_default{std::chrono::hours{72}};
/// And what may be configured.
inline constexpr std::chrono::milliseconds timer_horizon_max{std::chrono::hours{24 * 366}};

/// When a message with these properties is to be delivered: of several, TIMER_DELAY_SEC counts before TIMER_DELAY_MS, and that before
/// TIMER_DELIVER_MS. None: at once, because nothing says otherwise, or it is not after `now`. Fails with message_illegal if it says what
/// is no number, or more than `horizon` from now, or is an order to recall that comes too late.
result<std::optional<timestamp_ms>> timer_due_of(std::string_view properties, timestamp_ms now, std::chrono::milliseconds horizon);

/// Turns a message for its topic and queue into one that waits until `due`.
void park_timer(protocol::message& message, timestamp_ms due);
/// The way back, for a timer that is due, to one of its topic's queues. As with RocketMQ, TIMER_OUT_MS tells consumers when it was due,
/// and REAL_TOPIC and REAL_QID are gone. Fails as send_home() does.
result<void> unpark_timer(protocol::message& message, const topic_snapshot& topics, timestamp_ms now);

/// An order to recall the timer of this name, as it is stored among the timers.
[[nodiscard]] protocol::message make_recall(std::string_view topic, std::string_view unique_key, timestamp_ms due);

/// What one stored record among the timers says. The texts lie in the record. Nothing for a retry topic is an order to recall: a message
/// that failed may have been one before, and what waits there is not its producer's any more.
struct timer_facts {
    std::optional<timestamp_ms> due; ///< none: it is neither a timer nor an order
    std::string_view topic;          ///< that it is for
    std::string_view unique_key;     ///< of the timer, or of the one to recall
    bool is_recall = false;
};
[[nodiscard]] timer_facts timer_facts_of(std::string_view properties);

/// The note that these timers were delivered. Never more than a record's body holds.
[[nodiscard]] protocol::message make_done_note(std::span<const storage::timer_key> timers);
/// The body of such a note. Fails with corrupt.
result<std::vector<storage::timer_key>> decode_done_note(std::string_view body);
[[nodiscard]] std::string encode_done_note(std::span<const storage::timer_key> timers);

} // namespace troupe::actors
