#pragma once

#include "protocol/bodies.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <string>
#include <vector>

/// Which queues of a topic a member of a group reads, when a broker decides that. RocketMQ: QueryAssignmentProcessor.
namespace troupe::actors {

struct assignment_question {
    std::string client_id;
    std::string strategy; ///< "AVG" (contiguous shares) or "AVG_BY_CIRCLE" (every n-th queue)
    request_mode mode;
    std::vector<protocol::message_queue> queues; ///< of all brokers
    std::vector<std::string> members;            ///< client ids
};
/// Sorted. In mode pop, with few sharing (`share_queues` of them beside the client, 0 or less: everybody), queue -1 of each broker stands
/// for all of its queues. Fails with argument_illegal for another strategy, and with group_not_found when the client is no member.
result<std::vector<protocol::queue_assignment>> assign_queues(assignment_question question);

/// The queues of a topic that can be read, from its route.
std::vector<protocol::message_queue> readable_queues(const std::string& topic, const std::vector<protocol::queue_data>& route);

} // namespace troupe::actors
