#pragma once

#include "storage/pop_store.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// How one pop may take messages of one queue.
struct pop_rules {
    timestamp_ms now;
    std::int64_t invisible_ms = 60'000; ///< at least 1
    std::int32_t messages_max = 32;
    bool ordered = false;
    std::string attempt;                   ///< ordered: names this pop, so that repeating it gives the same messages; empty: it has no name
    std::int32_t deliveries_max = 17;      ///< of one message; it is dead when its last one is over
    std::size_t queue_leases_max = 10'000; ///< that the group may have in this queue then; beyond, no new messages
};

/// What one group has popped of one queue: the first offset that it never popped, and a lease for each message that it popped and did
/// not acknowledge. Everything below the first and without a lease is acknowledged.
///
///     offset   0 1 2 3 4 5 6 7          next = 6: nobody has popped 6 and 7
///              . . L . L . n n          leases: 2 and 4; 0, 1, 3 and 5 are acknowledged; committed = 2
///
/// A lease is out until it is visible again; then the next pop delivers its message once more, with a handle that makes the older ones
/// worthless. An ordered pop takes nothing while any lease is out.
///
/// Threads  not synchronised. Time is an argument.
/// Always   1. No message has two leases, and all leases are below next.
///          2. A lease's `popped` rises with each delivery (but for a repeated attempt), and is before its `visible`.
///          3. A message is offered again only from `visible` on, by the clock of whoever asks.
///          4. What changes the table says so in the changes that it is given, all of it.
class pop_table {
public:
    explicit pop_table(queue_offset next) : next_{next} {}
    explicit pop_table(const storage::popped_queue_state& stored);

    struct offer {
        std::vector<storage::pop_lease> again; ///< to be delivered again
        std::vector<queue_offset> dead;        ///< delivered too often; at most dead_max of them
        std::size_t examined = 0;              ///< leases that were looked at: no more than a few beyond what is offered
        std::int32_t fresh_max = 0;            ///< this many new messages, from next() on
        bool is_full = false;                  ///< there would be more new ones, but for queue_leases_max
    };
    static constexpr std::size_t dead_max = 32;
    /// What a pop may take.
    [[nodiscard]] offer look(const pop_rules& rules) const;
    /// Gives out leases on some of what was offered, and on new messages; `next` is behind the last message that was looked at. All
    /// have rules.now as their `popped`. Returns them by offset.
    std::vector<storage::pop_lease> take(const pop_rules& rules, const std::vector<queue_offset>& again,
                                         const std::vector<queue_offset>& fresh, queue_offset next, storage::popped_queue_changes& changes);

    enum class ack_outcome : std::uint8_t {
        done,
        stale,   ///< it was delivered once more since: that delivery counts; or it is done
        unknown, ///< it was never popped
    };
    ack_outcome acknowledge(queue_offset offset, timestamp_ms popped, storage::popped_queue_changes& changes);
    /// From then on the message is delivered again, and has a new `popped`; nothing when the handle is stale or unknown.
    std::optional<storage::pop_lease> change_visibility(queue_offset offset, timestamp_ms popped, timestamp_ms now,
                                                        std::int64_t invisible_ms, storage::popped_queue_changes& changes);

    /// Dead messages, at most `dead_wanted`; each lease that is looked at takes one from `looks`, and at 0 it stops. The next call goes on
    /// behind them, so that dead ones are found behind however many that live.
    [[nodiscard]] std::vector<queue_offset> find_dead(timestamp_ms now, std::int32_t deliveries_max, std::size_t dead_wanted,
                                                      std::size_t& looks);
    /// Its dead letter is on its way: it is out until remove_buried or unbury.
    void bury(queue_offset offset);
    /// It did not work: the message is looked at again from `visible` on.
    void unbury(queue_offset offset, timestamp_ms visible, storage::popped_queue_changes& changes);
    /// Its dead letter is stored. Nothing happens when it is not buried (any more): offsets were set back, and it was popped anew.
    void remove_buried(queue_offset offset, storage::popped_queue_changes& changes);
    /// The log does not have it (any more).
    void remove(queue_offset offset, storage::popped_queue_changes& changes);

    /// The log begins at `min` and ends at `max`: what is outside is forgotten.
    void fit(queue_offset min, queue_offset max, storage::popped_queue_changes& changes);
    /// Nothing is out, and new messages begin at `next`.
    void reset(queue_offset next, storage::popped_queue_changes& changes);

    [[nodiscard]] queue_offset next() const { return next_; }
    /// For the group's progress: everything below is acknowledged.
    [[nodiscard]] queue_offset committed() const;
    [[nodiscard]] std::size_t leases() const { return leases_.size(); }
    [[nodiscard]] const storage::pop_lease* lease(queue_offset offset) const;
    /// A lease is visible at `now`.
    [[nodiscard]] bool has_visible(timestamp_ms now) const;
    /// When the next lease after `now` becomes visible.
    [[nodiscard]] std::optional<timestamp_ms> next_visible(timestamp_ms now) const;
    [[nodiscard]] storage::popped_queue_state state(progress_key key) const;

private:
    using lease_map = std::map<queue_offset, storage::pop_lease>;
    /// When and which; dead letters on their way are not among them.
    using visible_set = std::set<std::pair<timestamp_ms, queue_offset>>;

    [[nodiscard]] bool repeats(const pop_rules& rules) const;
    [[nodiscard]] offer look_in_order(const pop_rules& rules) const;
    [[nodiscard]] std::int32_t room_for_fresh(const pop_rules& rules, offer& found) const;
    void put(const storage::pop_lease& lease, storage::popped_queue_changes& changes);
    void erase(lease_map::iterator lease, storage::popped_queue_changes& changes);

    queue_offset next_;
    lease_map leases_;
    visible_set visible_;
    std::set<queue_offset> buried_;
    visible_set::value_type dead_looked_at_; ///< by find_dead, the last one
    std::string attempt_;                    ///< of the last ordered pop
    timestamp_ms attempt_popped_;            ///< by it
};

} // namespace troupe::actors
