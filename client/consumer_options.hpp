#pragma once

#include "protocol/bodies.hpp"
#include "protocol/vocabulary/ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace troupe::client {

using protocol::consume_from;
using protocol::message_model;

/// What both kinds of consumers share.
struct fetch_options {
    std::int32_t pull_messages_max = 256; ///< asked for in one pull; brokers may give less
    std::int32_t pull_bytes_max = 1 << 20;
    std::chrono::milliseconds pull_hold{15'000};    ///< how long a broker keeps an empty pull
    std::chrono::milliseconds pull_timeout{30'000}; ///< no answer after this long: pull again
    std::size_t prefetch_messages_max = 1000;       ///< per queue, delivered and not yet handled or waiting
    std::size_t prefetch_bytes_max = 16u << 20;     ///< per queue, as bodies are stored; one larger message may exceed it
    /// Per queue: messages from the oldest that is not done up to the newest fetched, done or not. It bounds what one message that
    /// never succeeds can hold up in memory, and bring again after a crash. (RocketMQ: consumeConcurrentlyMaxSpan.)
    std::size_t prefetch_span_max = 2000;
    std::chrono::milliseconds retry_delay_min{100}; ///< after a failed pull, doubled up to the maximum
    std::chrono::milliseconds retry_delay_max{1000};
};

} // namespace troupe::client
