#pragma once

#include "actors/base/lag_book.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/broker/name_round.hpp"
#include "actors/broker/question.hpp"
#include "actors/group/consumer_groups.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/lag_messages.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::actors {

/// Measures how far the broker's groups are behind, a few of them at each tick, and tells people of those that are slow.
///
/// Use      tick every second or so; stop when the owner ends.
/// Threads  not synchronised. Time is an argument; `wall` is what the stored times of messages are compared with.
/// Bounded  by the number of groups; one question at a time, for at most a few groups a tick, and a bounded number of queues of each.
/// Always   a group is measured once a round. What fails is left for the next tick, which goes on behind it.
class lag_rounds {
public:
    using group_map = std::map<std::string, group_config, std::less<>>;
    /// Whom it asks.
    struct questions {
        question<list_offsets, offsets_listed> committed;
        question<measure_lag, lag_measured> measure;
    };

    /// `slow_after` as for lag_book. `groups` and `members` outlive this.
    lag_rounds(std::chrono::milliseconds slow_after, wall_clock wall, const group_map& groups, const consumer_groups& members,
               std::shared_ptr<const topic_directory> topics, questions ask);
    lag_rounds(const lag_rounds&) = delete; // its questions know where it is
    lag_rounds& operator=(const lag_rounds&) = delete;
    ~lag_rounds() = default;

    void tick(clock_time now);
    /// The round goes no further than the group that is measured now.
    void stop() { is_stopped_ = true; }
    /// The group was deleted.
    void forget(std::string_view group) { book_.forget(group); }

    [[nodiscard]] lags_listed list(const list_lags& order) const;
    [[nodiscard]] const lag_book& book() const { return book_; }

private:
    void measure_next(std::size_t left);
    [[nodiscard]] measure_lag question_of(const std::string& group, const offsets_listed& committed) const;
    void note(const std::string& group, const group_lag& lag);

    wall_clock wall_;
    const group_map& groups_;
    const consumer_groups& members_;
    std::shared_ptr<const topic_directory> topics_;
    questions ask_;
    lag_book book_;
    name_round round_; ///< over all groups
    bool is_stopped_ = false;
};

} // namespace troupe::actors
