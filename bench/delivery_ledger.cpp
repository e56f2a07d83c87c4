#include "bench/delivery_ledger.hpp"

#include <algorithm>

namespace troupe::bench {

bool delivery_ledger::arrived(std::int32_t queue, std::int64_t offset) {
    if (queue < 0 || static_cast<std::size_t>(queue) >= queues_.size() || offset < 0) {
        ++stray_;
        return false;
    }
    auto& known = queues_[static_cast<std::size_t>(queue)];
    const auto at = static_cast<std::size_t>(offset);
    if (at >= known.size()) {
        known.resize(std::max(at + 1, 2 * known.size()));
    }
    if (known[at]) {
        ++repeated_;
        return false;
    }
    known[at] = true;
    ++distinct_;
    return true;
}

std::uint64_t delivery_ledger::missing(const std::vector<std::int64_t>& ends) const {
    std::uint64_t count = 0;
    for (std::size_t queue = 0; queue < ends.size(); ++queue) {
        for (std::int64_t offset = 0; offset < ends[queue]; ++offset) {
            const auto at = static_cast<std::size_t>(offset);
            count += queue < queues_.size() && at < queues_[queue].size() && queues_[queue][at] ? 0u : 1u;
        }
    }
    return count;
}

} // namespace troupe::bench
