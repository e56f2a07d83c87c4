#include "actors/pop/lease_shares.hpp"

#include <algorithm>

namespace troupe::actors {

void lease_shares::change(const std::string& group, std::size_t before, std::size_t after) {
    if (before == after)
        return;
    all_ = all_ - before + after;
    auto& of_group = groups_[group];
    of_group = of_group - before + after;
    if (of_group == 0)
        groups_.erase(group);
}

void lease_shares::clear() {
    all_ = 0;
    groups_.clear();
}

std::size_t lease_shares::room_for(const std::string& group) const {
    const auto known = groups_.find(group);
    const auto own = known == groups_.end() ? 0 : known->second;
    const auto sharers = groups_.size() + (own == 0 ? 1 : 0);
    const auto share = std::max<std::size_t>(leases_total_max_ / sharers, 1);
    return std::max(leases_total_max_ - std::min(all_, leases_total_max_), share - std::min(own, share));
}

lease_leaders::counts lease_shares::largest(std::size_t groups_max) const {
    lease_leaders::counts largest(std::min(groups_max, groups_.size()));
    std::partial_sort_copy(groups_.begin(), groups_.end(), largest.begin(), largest.end(),
                           [](const auto& x, const auto& y) { return x.second != y.second ? x.second > y.second : x.first < y.first; });
    return largest;
}

} // namespace troupe::actors
