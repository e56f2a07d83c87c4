#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Groups that have committed offsets and no configuration: deleted ones whose offsets were kept, and names that somebody commits for
/// without ever having been a member. Nobody deletes their offsets, so there is a bound on how many there are, and they go after a time
/// without a sign of life: a commit, a question for an offset, a pull, or a member. A group with a configuration keeps its offsets for
/// ever.
///
/// Threads  not synchronised. Time is an argument: the wall clock, as it has to outlast restarts.
/// Durable  what `changes` says, once its owner has written it; it is handed back at the next start. A group of which nothing was written
///          counts from that start on. What is written is rounded up, so that no group goes early: at most an eighth of the expiry late.
/// Always   1. The broker's own groups, whose names begin with '@', are none of these.
///          2. Nothing expires while clients may not have had their say yet: `return_time` from the start on, and from a moment on at
///             which the wall clock moved by more than `step_max` between two calls of `expired` (it was set, or the computer slept).
class unclaimed_groups {
public:
    /// When each was last seen; nothing: it need not be remembered any more.
    using sign_map = std::map<std::string, std::optional<timestamp_ms>, std::less<>>;

    /// The time without this broker, or by a wrong clock, says nothing of who uses a group: so long its users have to come back. An hour is
    /// much more than clients take that are still there, and little beside an expiry of days.
    static constexpr std::chrono::milliseconds return_time = std::chrono::hours{1};
    /// More between two calls of `expired`, forward or back, is no time that passed. The owner calls it at least every minute: room for a
    /// slow disk, and for a clock that is adjusted a little.
    static constexpr std::chrono::milliseconds step_max = std::chrono::minutes{10};

    /// An `expiry` of 0: their offsets stay.
    unclaimed_groups(std::size_t groups_max, std::chrono::milliseconds expiry) : groups_max_{groups_max}, expiry_{expiry} {}

    /// Once, first: which groups have a configuration, what `changes` has written, and which groups have offsets, each in any order.
    void start(const std::vector<std::string>& configured, const std::vector<std::pair<std::string, timestamp_ms>>& written,
               const std::set<std::string>& with_offsets, timestamp_ms now);

    // ---- which there are --------------------------------------------------------------------------------------------

    /// It has a configuration from now on.
    void claim(const std::string& group);
    /// It has none any more, and has offsets.
    void release(const std::string& group, timestamp_ms now);
    /// It has neither any more.
    void lose_claim(const std::string& group);
    /// Its offsets are gone.
    void forget(const std::string& group);

    // ---- what they may ----------------------------------------------------------------------------------------------

    /// False for one more than there may be: it has no configuration, no offset, and there is no room.
    [[nodiscard]] bool may_commit(std::string_view group) const;
    /// It has committed an offset.
    void committed(const std::string& group, timestamp_ms now);
    /// Somebody has asked for an offset of it, pulls for it, or is a member. Nothing for groups that have none.
    void seen(std::string_view group, timestamp_ms now);

    // ---- what is to be done -----------------------------------------------------------------------------------------

    /// Those that were seen last `expiry` or more ago; none while clients may still come back. To be called regularly, as it also watches
    /// the clock.
    [[nodiscard]] std::vector<std::string> expired(timestamp_ms now);
    /// To be written soon.
    [[nodiscard]] const sign_map& changes() const { return changes_; }
    void changes_written() { changes_.clear(); }

    [[nodiscard]] std::size_t count() const { return last_seen_.size(); }
    [[nodiscard]] std::size_t groups_max() const { return groups_max_; }
    [[nodiscard]] std::chrono::milliseconds expiry() const { return expiry_; }
    /// All of them, for who has to look which still have offsets.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    struct sign {
        timestamp_ms seen;
        timestamp_ms noted{-1}; ///< what is written, or will be; -1: nothing
    };
    [[nodiscard]] static bool is_ours(std::string_view group) { return group.starts_with('@'); }
    void see(const std::string& group, sign& last, timestamp_ms now);
    [[nodiscard]] bool may_expire(timestamp_ms now);

    std::size_t groups_max_;
    std::chrono::milliseconds expiry_;
    std::set<std::string, std::less<>> claimed_;
    std::map<std::string, sign, std::less<>> last_seen_;
    sign_map changes_;
    timestamp_ms returning_since_{0}; ///< from then on `return_time` runs
    timestamp_ms checked_{0};         ///< the last time of `expired`, at first that of the start
};

} // namespace troupe::actors
