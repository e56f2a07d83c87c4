#include "client/internal/assignment_change.hpp"

#include "client/internal/sorted.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::client {

assignment_change compare_assignments(std::vector<message_queue> from, std::vector<message_queue> to) {
    sort_unique(from);
    sort_unique(to);
    assignment_change change;
    std::set_difference(from.begin(), from.end(), to.begin(), to.end(), std::back_inserter(change.released));
    std::set_difference(to.begin(), to.end(), from.begin(), from.end(), std::back_inserter(change.acquired));
    return change;
}

} // namespace troupe::client
