#include "actors/broker/delivery_quotas.hpp"

#include <limits>

namespace troupe::actors {

void delivery_quotas::set(const std::string& group, std::int64_t messages_per_second) {
    const std::lock_guard lock{mutex_};
    if (messages_per_second <= 0)
        groups_.erase(group);
    else
        groups_[group].set_rate(messages_per_second);
    any_.store(!groups_.empty(), std::memory_order_relaxed);
}

std::chrono::nanoseconds delivery_quotas::wait(std::string_view group, clock_time now) const {
    if (!any_.load(std::memory_order_relaxed))
        return {};
    const std::lock_guard lock{mutex_};
    const auto known = groups_.find(group);
    return known == groups_.end() ? std::chrono::nanoseconds{} : known->second.wait(now);
}

std::int64_t delivery_quotas::messages_max(std::string_view group) const {
    constexpr auto without_limit = std::numeric_limits<std::int64_t>::max();
    if (!any_.load(std::memory_order_relaxed))
        return without_limit;
    const std::lock_guard lock{mutex_};
    const auto known = groups_.find(group);
    return known == groups_.end() ? without_limit : known->second.per_second();
}

void delivery_quotas::charge(std::string_view group, std::int64_t messages, clock_time now) {
    if (!any_.load(std::memory_order_relaxed))
        return;
    const std::lock_guard lock{mutex_};
    if (const auto known = groups_.find(group); known != groups_.end())
        known->second.charge(messages, now);
}

} // namespace troupe::actors
