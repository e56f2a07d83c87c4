#pragma once

#include "protocol/bodies.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What pop consumers and brokers write into header fields and bodies: receipt handles, offset lists, batch acks, assignments.
/// Source: RocketMQ's ExtraInfoUtil, BatchAckMessageRequestBody. Every decode fails with protocol_error.
namespace troupe::protocol {

/// Where ordered pops are kept instead of a queue of a revive topic (RocketMQ: POP_ORDER_REVIVE_QUEUE).
inline constexpr std::int32_t ordered_revive_queue = 999;

/// Names one delivery of one message (property POP_CK, field extraInfo): eight parts, one space between two.
struct receipt_handle {
    queue_offset start;  ///< first offset of the pop in this queue
    timestamp_ms popped; ///< when it was handed out, by the broker's clock
    std::int64_t invisible_ms = 0;
    std::int32_t revive_queue = 0; ///< ordered_revive_queue: an ordered pop
    std::int32_t retry_flag = 0;   ///< 0: of the topic itself; 1 and 2: of a retry topic of RocketMQ's
    std::string broker_name;
    queue_id queue;
    queue_offset offset; ///< of the message
    friend bool operator==(const receipt_handle&, const receipt_handle&) = default;
};
/// The broker's name may hold no space.
std::string encode_receipt_handle(const receipt_handle& handle);
result<receipt_handle> decode_receipt_handle(std::string_view text);

/// What one pop took of one queue.
struct popped_queue {
    queue_id queue;
    queue_offset start;                     ///< lowest of them
    std::vector<queue_offset> offsets;      ///< rising; one for each message
    std::vector<std::int32_t> deliveries{}; ///< ordered pops: how often each was delivered before; else empty
    friend bool operator==(const popped_queue&, const popped_queue&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, popped_queue& x) {
        return f(x.queue, x.start, x.offsets, x.deliveries);
    }
};
/// Fields startOffsetInfo, msgOffsetInfo and orderCountInfo of an answer.
std::string encode_start_offsets(const std::vector<popped_queue>& queues);
std::string encode_message_offsets(const std::vector<popped_queue>& queues);
std::string encode_order_counts(const std::vector<popped_queue>& queues);
/// From the three. Only of queues of the topic itself: others are left out. No deliveries without `order_counts`; what they do not count was
/// delivered as often as they say of its queue, or never.
result<std::vector<popped_queue>> decode_popped_queues(std::string_view start_offsets, std::string_view message_offsets,
                                                       std::string_view order_counts = {});

/// Messages of one pop and queue that are done (RocketMQ: BatchAck).
struct batch_ack {
    std::string group;
    std::string topic;
    std::int32_t retry_flag = 0;
    queue_offset start;
    queue_id queue;
    std::int32_t revive_queue = 0;
    timestamp_ms popped;
    std::int64_t invisible_ms = 0;
    std::vector<queue_offset> offsets; ///< rising, from start on
    friend bool operator==(const batch_ack&, const batch_ack&) = default;
};
/// Body of 200151.
struct batch_ack_request {
    std::string broker_name;
    std::vector<batch_ack> acks;
    friend bool operator==(const batch_ack_request&, const batch_ack_request&) = default;
};
/// No more in one request: of its messages together, and between the first and the last message of an ack.
inline constexpr std::size_t acks_per_request_max = 8'192;
inline constexpr std::int64_t ack_span_max = std::int64_t{1} << 20;
std::string encode_batch_ack_request(const batch_ack_request& request);
result<batch_ack_request> decode_batch_ack_request(std::string_view json);

/// Body of 400 (RocketMQ: QueryAssignmentRequestBody).
struct assignment_request {
    std::string topic;
    std::string group;
    std::string client_id;
    std::string strategy = "AVG"; ///< or "AVG_BY_CIRCLE"
    bool is_broadcasting = false;
    friend bool operator==(const assignment_request&, const assignment_request&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, assignment_request& x) {
        return f(x.topic, x.group, x.client_id, x.strategy, x.is_broadcasting);
    }
};
std::string encode_assignment_request(const assignment_request& request);
result<assignment_request> decode_assignment_request(std::string_view json);

/// Answer to 400: what a client reads, and how. Queue -1: every queue of that broker.
struct queue_assignment {
    message_queue queue;
    bool is_pop = false;
    friend bool operator==(const queue_assignment&, const queue_assignment&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, queue_assignment& x) {
        return f(x.queue, x.is_pop);
    }
};
std::string encode_assignments(const std::vector<queue_assignment>& assignments);
result<std::vector<queue_assignment>> decode_assignments(std::string_view json);

} // namespace troupe::protocol
