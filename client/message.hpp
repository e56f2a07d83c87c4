#pragma once

#include "protocol/bodies.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::client {

/// One queue of one broker: (topic, broker name, number). Sorted in the order in which RocketMQ clients share queues.
using message_queue = protocol::message_queue;

/// A message to send. Limits are in `protocol/vocabulary/limits.hpp`; sending checks them and names the one that is broken.
struct message {
    std::string topic;
    std::string body;                              ///< any bytes, not empty
    std::string tags;                              ///< one word that subscriptions may filter by; empty: none
    std::vector<std::string> keys;                 ///< words to find the message by; without spaces
    std::map<std::string, std::string> properties; ///< names that RocketMQ reserves (KEYS, TAGS, UNIQ_KEY, ...) are refused
    std::int32_t flag = 0;                         ///< any number; stored and handed on, and means nothing to brokers
    std::string sharding_key;                      ///< messages of one key go to one queue, in order; empty: none
    /// Deliver it only after the delay of this level, from 1; 0: at once. The broker says what the delays are: 1 s, 5 s, 10 s, ...
    /// up to 2 h for level 18 unless it is configured otherwise. Such a message travels alone, never in a batch.
    std::int32_t delay_level = 0;
    /// Deliver it only after this time, to the millisecond, counted from when the broker stores it; or at this moment of the broker's
    /// clock, at once if that is over. Of these two and delay_level at most one. The broker says how far ahead it may be: three days
    /// unless it is configured otherwise. Such a message travels alone, and can be taken back: see producer::recall.
    std::optional<std::chrono::milliseconds> deliver_after = std::nullopt;
    std::optional<timestamp_ms> deliver_at = std::nullopt;
};

/// What becomes of a message whose fate hangs on something else.
enum class transaction_outcome : std::uint8_t {
    unknown,  ///< cannot be said yet: the broker asks again
    commit,   ///< its consumers see it
    roll_back ///< nobody ever sees it
};

/// Where a sent message is. Its presence means the broker has stored it, as durably as the broker is configured.
struct send_receipt {
    std::string message_id;        ///< made by the client, equal on every retry (RocketMQ: UNIQ_KEY, shown as msgId)
    std::string offset_message_id; ///< store host and log position, in hex (RocketMQ: offsetMsgId)
    message_queue queue;
    queue_offset offset;
    std::int32_t attempts = 1; ///< over 1: an earlier attempt may have stored the message as well
    std::string recall_handle; ///< of a message that waits for its time: see producer::recall; empty: there is nothing to recall
};

/// A message as a consumer gets it. Cheap to copy: the body is shared.
class received_message {
public:
    message_queue queue; ///< a message that is delivered again by the broker: see push_consumer, Failures
    queue_offset offset;
    payload body; ///< unpacked; may be a slice of a pull's answer: copy what is kept for long
    timestamp_ms born;
    timestamp_ms stored;
    std::int32_t flag = 0;            ///< the sender's
    std::int32_t reconsume_times = 0; ///< as the broker counts it
    /// The body could not be unpacked and is as stored: damaged, an unknown method, over 16 MiB; or behind 64 MiB of other bodies of a list
    /// of client::admin, or of an ordered pop. Such a one unpacks when it comes alone.
    bool compressed = false;
    std::int32_t local_redeliveries = 0; ///< how often the handler of this process has failed on it
    std::string offset_message_id;
    std::string encoded_properties; ///< RocketMQ's form; use the functions below

    /// Empty when the message has none.
    [[nodiscard]] std::string_view tags() const;
    [[nodiscard]] std::string_view keys() const; ///< joined by spaces
    [[nodiscard]] std::string_view message_id() const;
    [[nodiscard]] std::string_view sharding_key() const;
    /// Value of any property; empty when absent.
    [[nodiscard]] std::string_view property(std::string_view name) const;
    [[nodiscard]] std::map<std::string, std::string> properties() const;
};

} // namespace troupe::client
