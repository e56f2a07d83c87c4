#include "actors/group/pending_resets.hpp"

#include <algorithm>

namespace troupe::actors {

void pending_resets::cancel(const progress_key& key, queue_offset offset) {
    if (const auto known = resets_.find(key); known != resets_.end() && known->second == offset)
        resets_.erase(known);
}

std::optional<queue_offset> pending_resets::take(const progress_key& key, queue_offset asked) {
    if (resets_.empty())
        return std::nullopt;
    const auto known = resets_.find(key);
    if (known == resets_.end())
        return std::nullopt;
    const auto offset = known->second;
    resets_.erase(known);
    return offset == asked ? std::nullopt : std::optional{offset};
}

void pending_resets::forget_queues(const std::string& group, const std::string& topic, queue_id queue) {
    const auto first = std::max(queue, queue_id{0});
    for (auto each = resets_.lower_bound({group, {topic, first}}); each != resets_.end();) {
        const auto& key = each->first;
        if (key.group != group || key.queue.topic != topic || (queue.value() >= 0 && key.queue.queue != queue))
            break;
        each = resets_.erase(each);
    }
}

void pending_resets::forget_topic(std::string_view topic) {
    std::erase_if(resets_, [topic](const auto& entry) { return entry.first.queue.topic == topic; });
}

void pending_resets::forget_group(std::string_view group) {
    std::erase_if(resets_, [group](const auto& entry) { return entry.first.group == group; });
}

} // namespace troupe::actors
