#pragma once

#include "protocol/bodies.hpp"
#include "protocol/vocabulary/result.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Bodies that consumers send beside their heartbeats, see `bodies.hpp`. Every decode fails with protocol_error.
/// Source: RocketMQ's LockBatchRequestBody, UnlockBatchRequestBody, LockBatchResponseBody.
namespace troupe::protocol {

/// Body of 41 and 42 (RocketMQ: LockBatchRequestBody): queues that a consumer wants to itself, or gives back.
struct queue_lock_request {
    std::string group;
    std::string client_id;
    bool only_this_broker = false; ///< a broker set that locks by majority would not ask its other members
    std::vector<message_queue> queues;
    friend bool operator==(const queue_lock_request&, const queue_lock_request&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, queue_lock_request& x) {
        return f(x.group, x.client_id, x.only_this_broker, x.queues);
    }
};
/// No client locks more queues at once; a body with more of them is no lock request.
inline constexpr std::size_t queues_per_lock_request_max = 16'384;
std::string encode_queue_lock_request(const queue_lock_request& request);
result<queue_lock_request> decode_queue_lock_request(std::string_view json);

/// Answer to 41 (RocketMQ: LockBatchResponseBody): the queues that the client holds now.
std::string encode_locked_queues(const std::vector<message_queue>& queues);
result<std::vector<message_queue>> decode_locked_queues(std::string_view json);

/// Body of 46 (RocketMQ: CheckClientRequestBody): would the broker run this subscription?
struct client_config_check {
    std::string client_id;
    std::string group;
    std::string name_space;
    subscription_data subscription;
    friend bool operator==(const client_config_check&, const client_config_check&) = default;
};
std::string encode_client_config_check(const client_config_check& check);
result<client_config_check> decode_client_config_check(std::string_view json);

} // namespace troupe::protocol
