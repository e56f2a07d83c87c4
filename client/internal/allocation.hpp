#pragma once

#include "client/message.hpp"

#include <string>
#include <vector>

namespace troupe::client {

/// The share of `own_id` in `queues` by RocketMQ's average allocation: both lists sorted, the first (queues mod clients)
/// clients get one queue more, shares are contiguous. Every member computes the same from the same lists. Sorts and
/// de-duplicates its arguments. Empty when `own_id` is not among the clients.
/// Source: reference "remoting-client.md" 6.4.
std::vector<message_queue> allocate_average(std::vector<message_queue> queues, std::vector<std::string> client_ids,
                                            const std::string& own_id);

/// What must be given up and what is new, going from one assignment to another. Both sorted.
struct assignment_change {
    std::vector<message_queue> released;
    std::vector<message_queue> acquired;
};
assignment_change compare_assignments(std::vector<message_queue> from, std::vector<message_queue> to);

} // namespace troupe::client
