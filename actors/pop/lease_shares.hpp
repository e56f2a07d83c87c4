#pragma once

#include "actors/pop/lease_leaders.hpp"

#include <cstddef>
#include <map>
#include <string>

namespace troupe::actors {

/// How many messages each group has out by pop, and how many more it may take.
///
/// Threads  not synchronised.
/// Always   Below leases_total_max, of all groups together, whoever comes first takes. Above it a group takes below its share only: leases_total_max
///          divided by the number of groups that have leases (at least 1), so that one which never acknowledges takes nothing from the
///          others. A share that became smaller takes nothing back: n groups have up to leases_total_max * (1 + 1/2 + ... + 1/n).
class lease_shares {
public:
    explicit lease_shares(std::size_t leases_total_max) : leases_total_max_{leases_total_max} {}

    /// Of one queue of the group.
    void change(const std::string& group, std::size_t before, std::size_t after);
    void clear();

    /// New leases that the group may take.
    [[nodiscard]] std::size_t room_for(const std::string& group) const;
    [[nodiscard]] std::size_t all() const { return all_; }
    [[nodiscard]] bool is_full() const { return all_ >= leases_total_max_; }
    /// Groups with the most leases and how many, the most first.
    [[nodiscard]] lease_leaders::counts largest(std::size_t groups_max) const;

private:
    std::size_t leases_total_max_;
    std::size_t all_ = 0;
    std::map<std::string, std::size_t> groups_; ///< those that have any
};

} // namespace troupe::actors
