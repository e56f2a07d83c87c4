#pragma once

#include "actors/schedule/message_return.hpp"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace troupe::actors {

/// How often a message is popped before it is dead: the first delivery, and as many tries as its group allows.
[[nodiscard]] inline std::int32_t deliveries_max_of(std::int32_t retry_max) {
    return (retry_max < 0 ? retry_max_default : std::min(retry_max, 1'000'000)) + 1;
}

/// The same of each group, for roles that do not know what groups there are.
///
/// Threads  safe from any thread.
/// Bounded  by the number of groups.
class group_tries {
public:
    /// `retry_max` as in group_config; below 0: the usual number.
    void set(const std::string& group, std::int32_t retry_max) {
        const std::lock_guard guard{mutex_};
        deliveries_.insert_or_assign(group, deliveries_max_of(retry_max));
    }
    void forget(const std::string& group) {
        const std::lock_guard guard{mutex_};
        deliveries_.erase(group);
    }
    /// The usual number for a group that nobody has set.
    [[nodiscard]] std::int32_t deliveries_max(const std::string& group) const {
        const std::lock_guard guard{mutex_};
        const auto known = deliveries_.find(group);
        return known == deliveries_.end() ? deliveries_max_of(-1) : known->second;
    }

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::int32_t> deliveries_;
};

} // namespace troupe::actors
