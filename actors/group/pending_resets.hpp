#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::actors {

/// Offsets that an operator has set for groups whose consumers do not know it yet. As long as one is pending, what the consumers
/// believe does not count: their commits are ignored. The next pull is told of it, once.
///
/// Threads  not synchronised.
/// Bounded  at most `resets_max` queues.
/// Source   RocketMQ's server-side reset (ConsumerOffsetManager). Kept in memory, as there: the new offset itself is committed,
///          so what a restart loses is only that consumers which go on through it are told.
class pending_resets {
public:
    explicit pending_resets(std::size_t resets_max) : resets_max_{resets_max} {}

    /// Room for `count` more, in case none of them is pending already.
    [[nodiscard]] bool has_room(std::size_t count) const { return resets_.size() + count <= resets_max_; }
    /// Replaces what is pending there. The caller has asked has_room.
    void add(const progress_key& key, queue_offset offset) { resets_.insert_or_assign(key, offset); }
    /// The reset did not come about: takes it back, unless another has taken its place.
    void cancel(const progress_key& key, queue_offset offset);

    [[nodiscard]] bool contains(const progress_key& key) const { return resets_.contains(key); }
    /// What a pull from `asked` must be told; after that it is pending no more. A pull from just there needs to be told nothing.
    [[nodiscard]] std::optional<queue_offset> take(const progress_key& key, queue_offset asked);

    /// The group pops there; `queue` below 0: any of the topic's.
    void forget_queues(const std::string& group, const std::string& topic, queue_id queue);
    void forget_topic(std::string_view topic);
    void forget_group(std::string_view group);
    [[nodiscard]] std::size_t size() const { return resets_.size(); }

private:
    std::size_t resets_max_;
    std::map<progress_key, queue_offset> resets_;
};

} // namespace troupe::actors
