#pragma once

#include "client/message.hpp"

#include <vector>

namespace troupe::client {

/// What must be given up and what is new, going from one assignment to another. Both sorted.
struct assignment_change {
    std::vector<message_queue> released;
    std::vector<message_queue> acquired;
};
assignment_change compare_assignments(std::vector<message_queue> from, std::vector<message_queue> to);

} // namespace troupe::client
