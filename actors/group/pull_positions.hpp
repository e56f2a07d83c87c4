#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace troupe::actors {

/// Where each group last pulled from: what is below has been handed to it, committed or not (RocketMQ: pullOffsetTable).
///
/// Threads  not synchronised.
/// Bounded  at most keys_max queues over all groups; one more, and all are forgotten: the next pulls bring them back. At most keys_max
///          groups that pulled of late, too: further ones are left out until they were taken.
/// Cost     a pull compares one number more; only the first of a queue after take_pulled notes its group.
class pull_positions {
public:
    static constexpr std::size_t keys_max = 100'000;

    void note(std::string_view group, std::string_view topic, queue_id queue, queue_offset offset) {
        if (const auto known = positions_.find(view{group, topic, queue}); known != positions_.end()) {
            known->second.offset = offset;
            if (std::exchange(known->second.round, round_) != round_)
                note_pulled(group);
            return;
        }
        if (positions_.size() >= keys_max)
            positions_.clear();
        positions_.emplace(progress_key{std::string{group}, {std::string{topic}, queue}}, position{offset, round_});
        note_pulled(group);
    }
    [[nodiscard]] std::optional<queue_offset> find(std::string_view group, std::string_view topic, queue_id queue) const {
        const auto known = positions_.find(view{group, topic, queue});
        return known == positions_.end() ? std::nullopt : std::optional{known->second.offset};
    }
    /// The groups that have pulled since the last call, sorted.
    [[nodiscard]] std::set<std::string, std::less<>> take_pulled() {
        ++round_;
        return std::exchange(pulled_, {});
    }
    void forget_topic(std::string_view topic) {
        std::erase_if(positions_, [topic](const auto& entry) { return entry.first.queue.topic == topic; });
    }
    void forget_group(std::string_view group) {
        std::erase_if(positions_, [group](const auto& entry) { return entry.first.group == group; });
        if (const auto pulled = pulled_.find(group); pulled != pulled_.end())
            pulled_.erase(pulled);
    }
    [[nodiscard]] std::size_t size() const { return positions_.size(); }

private:
    struct position {
        queue_offset offset;
        std::uint64_t round; ///< of its last pull
    };
    struct view {
        std::string_view group;
        std::string_view topic;
        queue_id queue;
    };
    static view view_of(const view& key) { return key; }
    static view view_of(const progress_key& key) { return {key.group, key.queue.topic, key.queue.queue}; }
    struct hash {
        using is_transparent = void;
        template <class Key>
        std::size_t operator()(const Key& key) const {
            const auto one = view_of(key);
            const std::hash<std::string_view> of_text;
            return (of_text(one.group) * 31 + of_text(one.topic)) * 31 + static_cast<std::size_t>(one.queue.value());
        }
    };
    struct same {
        using is_transparent = void;
        template <class Left, class Right>
        bool operator()(const Left& left, const Right& right) const {
            const auto x = view_of(left);
            const auto y = view_of(right);
            return x.queue == y.queue && x.topic == y.topic && x.group == y.group;
        }
    };

    void note_pulled(std::string_view group) {
        if (pulled_.size() < keys_max && !pulled_.contains(group))
            pulled_.emplace(group);
    }

    std::unordered_map<progress_key, position, hash, same> positions_;
    std::uint64_t round_ = 0; ///< how often take_pulled was called
    std::set<std::string, std::less<>> pulled_;
};

} // namespace troupe::actors
