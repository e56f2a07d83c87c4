#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <map>
#include <optional>
#include <string>

namespace troupe::actors {

/// Queues that a group pops for the first time, or only looks at, while it is found out where the group is there. Whoever takes decides
/// where a group begins, whoever looks does not.
///
/// Threads  not synchronised.
/// Always   of a queue and group one question is under way at most; what was forgotten meanwhile is not opened by its answer.
class pop_openings {
public:
    struct opening {
        bool is_taken = false; ///< somebody takes; else they look
        bool from_end = false; ///< as the first who takes says; without meaning for those who look
    };

    /// Somebody waits for this queue. True: ask where the group is, nobody has.
    bool want(const progress_key& key, const opening& wish) {
        const auto [known, added] = openings_.try_emplace(key);
        if (wish.is_taken && !known->second.is_taken)
            known->second = wish;
        return added;
    }
    /// The answer has come, or never will. Nothing: it was forgotten.
    std::optional<opening> end(const progress_key& key) {
        const auto known = openings_.extract(key);
        return known.empty() ? std::nullopt : std::optional{known.mapped()};
    }
    /// Of a group, a topic or both; empty: any.
    void forget(const std::string& group, const std::string& topic) {
        std::erase_if(openings_, [&](const auto& entry) {
            return (group.empty() || entry.first.group == group) && (topic.empty() || entry.first.queue.topic == topic);
        });
    }
    /// Another queue of the topic is being opened for the group.
    [[nodiscard]] bool is_under_way(const std::string& group, const std::string& topic) const {
        const auto next = openings_.lower_bound({group, {topic, queue_id{0}}});
        return next != openings_.end() && next->first.group == group && next->first.queue.topic == topic;
    }

private:
    std::map<progress_key, opening> openings_;
};

} // namespace troupe::actors
