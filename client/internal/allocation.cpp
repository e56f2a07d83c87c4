#include "client/internal/allocation.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::client {

namespace {

template <class T>
void sort_unique(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

} // namespace

std::vector<message_queue> allocate_average(std::vector<message_queue> queues, std::vector<std::string> client_ids,
                                            const std::string& own_id) {
    sort_unique(queues);
    sort_unique(client_ids);
    const auto own = std::lower_bound(client_ids.begin(), client_ids.end(), own_id);
    if (own == client_ids.end() || *own != own_id)
        return {};
    const auto index = static_cast<std::size_t>(own - client_ids.begin());
    const auto rest = queues.size() % client_ids.size();
    const auto share = queues.size() / client_ids.size();
    const auto size = share + (index < rest ? 1 : 0);
    const auto start = index * share + std::min(index, rest);
    const auto first = queues.begin() + static_cast<std::ptrdiff_t>(start);
    return {first, first + static_cast<std::ptrdiff_t>(size)};
}

assignment_change compare_assignments(std::vector<message_queue> from, std::vector<message_queue> to) {
    sort_unique(from);
    sort_unique(to);
    assignment_change change;
    std::set_difference(from.begin(), from.end(), to.begin(), to.end(), std::back_inserter(change.released));
    std::set_difference(to.begin(), to.end(), from.begin(), from.end(), std::back_inserter(change.acquired));
    return change;
}

} // namespace troupe::client
