#pragma once

#include "client/message.hpp"
#include "client/producer.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace troupe::client {

/// Picks the queue of each send of one topic.
///
/// Always  a key goes to the same queue as long as the list of queues is the same: Java's String.hashCode modulo its size,
///         as RocketMQ's SelectMessageQueueByHash.
class queue_selector {
public:
    /// `first` spreads producers that start together over the queues.
    explicit queue_selector(std::size_t first = 0) : turn_{first} {}

    /// `queues` is sorted and not empty. `avoid_broker`: the broker of the failed attempt before, if any. Fails with
    /// queue_not_found when the choice names a queue that is not there, or the caller's function answers an index out of range;
    /// with argument_illegal when that function throws.
    result<message_queue> select(std::span<const message_queue> queues, const queue_choice& choice, std::string_view sharding_key,
                                 std::string_view avoid_broker);

private:
    std::size_t turn_;
};

/// True when a retry must stay on the queue.
bool is_pinned(const queue_choice& choice, std::string_view sharding_key);

} // namespace troupe::client
