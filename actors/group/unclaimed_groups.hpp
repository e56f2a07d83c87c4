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
/// without a sign of life: a commit, a question for an offset, or a member. A group with a configuration keeps its offsets for ever.
///
/// Threads  not synchronised. Time is an argument: the wall clock, as it has to outlast restarts.
/// Durable  what `changes` says, once its owner has written it; it is handed back at the next start. A group of which nothing was written
///          counts from that start on. What is written is rounded up, so that no group goes early: at most an eighth of the expiry late.
/// Always   the broker's own groups, whose names begin with '@', are none of these.
class unclaimed_groups {
public:
    /// When each was last seen; nothing: it need not be remembered any more.
    using sign_map = std::map<std::string, std::optional<timestamp_ms>, std::less<>>;

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
    /// Somebody has asked for an offset of it, or is a member. Nothing for groups that have none.
    void seen(std::string_view group, timestamp_ms now);

    // ---- what is to be done -----------------------------------------------------------------------------------------

    /// Those that were seen last `expiry` or more ago.
    [[nodiscard]] std::vector<std::string> expired(timestamp_ms now) const;
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

    std::size_t groups_max_;
    std::chrono::milliseconds expiry_;
    std::set<std::string, std::less<>> claimed_;
    std::map<std::string, sign, std::less<>> last_seen_;
    sign_map changes_;
};

} // namespace troupe::actors
