#pragma once

#include "protocol/bodies.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Bodies of answers to tools that look into queues, see `bodies.hpp`. They are only written.
/// Source: RocketMQ's QueryConsumeQueueResponseBody, QueryConsumeTimeSpanBody.
namespace troupe::protocol {

/// What the index says of one message.
struct queue_entry {
    std::int64_t position = 0; ///< in the commit log
    std::int32_t bytes = 0;
    std::int32_t tag_hash = 0;
    bool is_wanted = true; ///< by the group that was asked about; without one: true
};
/// Answer to 321 (RocketMQ: QueryConsumeQueueResponseBody).
struct queue_page {
    std::int64_t min_offset = 0;
    std::int64_t max_offset = 0;
    std::vector<queue_entry> entries;
    std::optional<subscription_data> subscription = {}; ///< of the group that was asked about
    std::string missing = {};                           ///< why that has none, or gets nothing by it; empty: neither, or there is no group
};
std::string encode_queue_page(const queue_page& page);

/// How old the messages of a queue are, and the next one for a group (RocketMQ: QueueTimeSpan).
struct queue_time_span {
    message_queue queue;
    std::int64_t first_stored_ms = 0;
    std::int64_t last_stored_ms = 0;
    std::int64_t consumed_ms = 0; ///< store time of the message that the group consumed last
    std::int64_t delay_ms = 0;    ///< age of the one that comes next for it; 0 when it has read everything
};
/// Answer to 303 (RocketMQ: QueryConsumeTimeSpanBody).
std::string encode_time_spans(const std::vector<queue_time_span>& spans);

} // namespace troupe::protocol
