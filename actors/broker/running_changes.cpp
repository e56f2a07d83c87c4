#include "actors/broker/running_changes.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

std::string change_of_topic(std::string_view topic) {
    return "topic " + std::string{topic};
}

std::string change_of_group(std::string_view group) {
    return "group " + std::string{group};
}

std::string change_of_mode(std::string_view topic, std::string_view group) {
    return "mode of group " + std::string{group} + " on topic " + std::string{topic};
}

result<running_changes::place> running_changes::begin(const std::string& what, bool removes, const continuation& done,
                                                      clock_time deadline) {
    if (waiting_ >= waiting_max_)
        return error{errc::busy, "more than " + std::to_string(waiting_max_) +
                                     " requests wait for topics and groups to be stored; repeat this one later"};
    if (const auto running = changes_.find(what); running != changes_.end() && running->second.removes != removes)
        return error{errc::busy, "another change of " + what + " is under way; repeat this one later"};
    const auto [running, is_first] = changes_.try_emplace(what, change{removes, {}});
    running->second.waiting.push_back({done, deadline});
    ++waiting_;
    return is_first ? place::first : place::behind;
}

std::optional<std::vector<running_changes::continuation>> running_changes::end(const std::string& what) {
    auto ended = changes_.extract(what);
    if (ended.empty())
        return std::nullopt;
    waiting_ -= ended.mapped().waiting.size();
    std::vector<continuation> told;
    for (auto& one : ended.mapped().waiting)
        told.push_back(std::move(one.done));
    return told;
}

std::vector<running_changes::continuation> running_changes::take_overdue(clock_time now) {
    std::vector<continuation> overdue;
    for (auto& entry : changes_)
        std::erase_if(entry.second.waiting, [now, &overdue](auto& one) {
            if (now < one.deadline)
                return false;
            overdue.push_back(std::move(one.done));
            return true;
        });
    waiting_ -= overdue.size();
    return overdue;
}

std::vector<running_changes::continuation> running_changes::take_all() {
    std::vector<continuation> all;
    for (auto& entry : std::exchange(changes_, {}))
        for (auto& one : entry.second.waiting)
            all.push_back(std::move(one.done));
    waiting_ = 0;
    return all;
}

bool running_changes::is_removed(const std::string& what) const {
    const auto running = changes_.find(what);
    return running != changes_.end() && running->second.removes;
}

std::size_t running_changes::count(std::string_view prefix) const {
    const auto begins_so = [prefix](const auto& entry) { return entry.first.starts_with(prefix); };
    return static_cast<std::size_t>(std::count_if(changes_.begin(), changes_.end(), begins_so));
}

} // namespace troupe::actors
