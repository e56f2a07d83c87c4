#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// How far a group is behind, over all queues that it has an offset on.
struct group_lag {
    std::int64_t messages = 0; ///< stored and not committed
    timestamp_ms oldest;       ///< when the first of them was stored; 0: there is none
    friend bool operator==(const group_lag&, const group_lag&) = default;
};

/// What is known of the lag of each group, and which of them are slow: their oldest uncommitted message is older than a threshold, and
/// somebody reads them. A group stays slow until it is below half of the threshold, so that one at the edge is told once.
///
/// Threads  not synchronised. Time is an argument.
/// Bounded  by the number of groups.
class lag_book {
public:
    /// `slow_after`: 0 or less: no group is slow.
    explicit lag_book(std::chrono::milliseconds slow_after = {}) : slow_after_{slow_after} {}

    enum class change : std::uint8_t { none, became_slow, caught_up };
    /// A group was measured. Says whether that is news.
    change note(const std::string& group, const group_lag& lag, bool has_members, timestamp_ms now);
    void forget(std::string_view group);

    struct known_lag {
        group_lag lag;
        timestamp_ms measured;
        bool is_slow = false;
        /// Age of the oldest message that was not committed when it was measured.
        [[nodiscard]] std::int64_t age_ms() const;
    };
    /// Nothing: it was not measured yet, or has no offsets.
    [[nodiscard]] std::optional<known_lag> find(std::string_view group) const;
    [[nodiscard]] std::size_t slow_count() const { return slow_count_; }
    /// Of all groups with members.
    [[nodiscard]] std::int64_t messages_max() const;
    [[nodiscard]] std::int64_t age_ms_max() const;

private:
    struct entry {
        known_lag known;
        bool has_members = false;
    };
    std::chrono::milliseconds slow_after_;
    std::map<std::string, entry, std::less<>> groups_;
    std::size_t slow_count_ = 0;
};

} // namespace troupe::actors
