#pragma once

#include "actors/messages/pop_messages.hpp"
#include "actors/pop/lease_shares.hpp"
#include "actors/pop/pop_table.hpp"
#include "actors/schedule/group_tries.hpp"
#include "storage/message_store.hpp"
#include "storage/pop_store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

struct pop_book_options {
    std::shared_ptr<const storage::message_store> log;
    std::size_t leases_per_queue_max = 10'000; ///< of one group in one queue; beyond, no new messages of that queue
    std::size_t leases_total_max = 1'000'000;  ///< of all groups in all queues; above it a group gets new messages below its share only
    std::size_t bytes_per_pop_max = 4u << 20;  ///< at least one message is delivered even if it alone is larger
};

/// What all groups have popped: a pop_table for each group and queue, what changed in them since the last write, and the records.
///
/// Owns     the pop_store.
/// Threads  not synchronised. Time is an argument. Blocks on the disk.
/// Always   1. What write() has not made durable may not be told to anybody.
///          2. A group gets no more new messages than lease_shares leaves it.
///          3. After a failed write nothing can be done until reload(), which goes back to what is on the disk.
class pop_book {
public:
    pop_book(pop_book_options options, std::unique_ptr<storage::pop_store> store, const std::vector<storage::popped_queue_state>& popped);

    /// A message that was delivered too often: it is out until dead_letter_stored or dead_letter_failed.
    struct dead_letter {
        progress_key key;
        queue_offset offset;
        log_position position;
        std::int32_t deliveries = 0;
    };
    /// What one look for a pop gave.
    struct attempt {
        bool found = false;
        messages_popped answer;            ///< of the order's kind; counts only if it found something
        std::int32_t again = 0;            ///< of its messages: were delivered before
        std::vector<progress_key> unknown; ///< queues that nobody of the group popped yet: open() them, and try again
        std::vector<dead_letter> dead;
        bool more = false;       ///< not everything was looked at
        bool is_drained = false; ///< found all there was: whoever wants the same now finds nothing. False: perhaps
        bool is_crowded = false; ///< there would be messages, but for the bounds of what is out and of dead letters on their way
        error failure;           ///< code none: there is none
    };
    /// Takes what there is. Not for pop_kind::count. Looking (pop_kind::peek, notify) opens nothing.
    attempt try_pop(const checked_pop& order, timestamp_ms now);

    /// The group goes on from `committed` or, if there is none, begins at the end or the beginning of the queue.
    result<void> open(const progress_key& key, std::optional<queue_offset> committed, bool from_end);
    [[nodiscard]] bool is_open(const progress_key& key) const { return queues_.contains(key); }
    /// Whoever only looks at a queue that is not open looks from `committed` or from its beginning, until end_glimpses.
    void glimpse(const progress_key& key, std::optional<queue_offset> committed);
    /// Of a group, a topic or both; empty: any.
    void end_glimpses(const std::string& group, const std::string& topic);

    /// What becomes of each. In a queue that is not open everything that was popped is done.
    std::vector<pop_table::ack_outcome> acknowledge(const progress_key& key, const std::vector<queue_offset>& offsets, timestamp_ms popped);
    std::optional<storage::pop_lease> change_visibility(const progress_key& key, queue_offset offset, timestamp_ms popped, timestamp_ms now,
                                                        std::int64_t invisible_ms);
    void dead_letter_stored(const progress_key& key, queue_offset offset);
    /// It is tried again from `when` on.
    void dead_letter_failed(const progress_key& key, queue_offset offset, timestamp_ms when);

    /// Queues that the group has not popped stay unknown.
    void reset(const progress_key& key, queue_offset next);
    /// Pulls have committed this: what is below is done. Queues that the group has not popped stay unknown.
    void follow(const progress_key& key, queue_offset committed);
    /// Of a group, a topic or both; empty: any.
    void forget(const std::string& group, const std::string& topic);
    /// Committed offsets of the same.
    [[nodiscard]] std::vector<std::pair<progress_key, queue_offset>> progress_of(const std::string& group, const std::string& topic) const;

    /// Looks at up to `queues_max` queues, in turn: of each, leases go whose records the log does not have (any more). Returns those of
    /// which nothing is out and that nobody has popped for `idle_ms`, with what is committed there. Whoever waits for one pops it.
    std::vector<std::pair<progress_key, queue_offset>> sweep(std::size_t queues_max, timestamp_ms now, std::int64_t idle_ms,
                                                             const std::function<bool(const progress_key&)>& somebody_waits);
    /// Dead messages, also of groups that nobody pops for: looks at some leases and queues only, and goes on behind them the next time. They
    /// are out until dead_letter_stored or dead_letter_failed.
    std::vector<dead_letter> bury_expired(timestamp_ms now, const group_tries& tries);
    /// What is committed of an idle queue is stored: its row is not needed any more, and pulls may go on. Whoever pops there opens it again.
    /// Nothing happens when the group has popped it after `idle_since`.
    void close(const progress_key& key, queue_offset committed, timestamp_ms idle_since);

    [[nodiscard]] bool has_changes() const { return !changes_.empty(); }
    struct outcome {
        result<void> written;
        std::vector<std::pair<progress_key, queue_offset>> committed; ///< that moved
    };
    outcome write(bool sync);
    result<void> reload();
    [[nodiscard]] bool is_broken() const { return broken_; }

    /// When a lease of the group on the topic ends next, after `now`.
    [[nodiscard]] std::optional<timestamp_ms> next_visible(const std::string& group, const std::string& topic, timestamp_ms now) const;
    /// Whether an acknowledgement in this queue may be what somebody waits for: since this was asked last, a pop found it taken, or full.
    bool take_awaited(const progress_key& key);
    [[nodiscard]] std::size_t leases() const { return leases_.all(); }
    [[nodiscard]] bool is_full() const { return leases_.is_full(); }
    [[nodiscard]] lease_leaders::counts largest_groups(std::size_t groups_max) const { return leases_.largest(groups_max); }
    /// Of each queue that the group has popped, the first offset that it has not.
    [[nodiscard]] std::vector<std::pair<topic_queue, queue_offset>> next_of(const std::string& group) const;
    /// Where the message stands with each group that has popped as far.
    [[nodiscard]] std::map<std::string, protocol::traced_pop> find(const topic_queue& queue, queue_offset offset) const;

private:
    struct popped_queue {
        pop_table table;
        std::optional<queue_offset> told; ///< committed offset that write() returned last
        bool is_awaited = false;
        timestamp_ms used; ///< when somebody popped there last; 0: not since the start
    };
    using queue_map = std::map<progress_key, popped_queue>;
    struct gathered {
        attempt result;
        std::string records;
        std::int32_t count = 0;
        std::int32_t drained = 0; ///< queues of which nothing is left to take
    };

    result<void> fit(queue_map::iterator queue);
    /// False: more than these may not be on their way.
    result<bool> bury_dead(queue_map::iterator queue, const std::vector<queue_offset>& dead, std::vector<dead_letter>& letters);
    void load(const std::vector<storage::popped_queue_state>& popped);
    /// Calls change(table, changes) and keeps account of what that does.
    template <class Change>
    auto with_changes(queue_map::iterator queue, Change change);
    void settle(queue_map::iterator queue, std::size_t leases_before);

    // taking messages (pop_book_takes.cpp)
    /// Looks from `next` on, and changes nothing. False: stop, it failed.
    bool look_at(const checked_pop& order, const topic_queue& where, queue_offset next, gathered& all) const;
    /// Takes, or tells that there is something to take. False: stop, it failed.
    bool gather(const checked_pop& order, queue_map::iterator queue, timestamp_ms now, gathered& all);
    /// Adds the records of `leases`: from `again` those that were delivered before, the others from `unread`, in order.
    static void hand_out(queue_id queue, const std::vector<storage::pop_lease>& leases, const std::map<queue_offset, payload>& again,
                         std::string_view unread, bool ordered, gathered& all);
    /// What was popped before and is to be delivered again, by offset; what the log does not have is removed.
    result<std::map<queue_offset, payload>> read_again(queue_map::iterator queue, const std::vector<storage::pop_lease>& again,
                                                       std::size_t bytes_max);
    struct fresh {
        queue_offset next;
        payload records;
        bool more = false;
    };
    [[nodiscard]] result<fresh> read_fresh(const checked_pop& order, const topic_queue& queue, queue_offset from, queue_offset max,
                                           std::int32_t messages_max, std::size_t bytes_max) const;

    pop_book_options options_;
    std::unique_ptr<storage::pop_store> store_;
    queue_map queues_;
    std::map<progress_key, queue_offset> glimpses_;
    storage::pop_changes changes_;
    lease_shares leases_;
    std::optional<progress_key> swept_;      ///< the queue that was looked at last
    std::optional<progress_key> dead_swept_; ///< likewise, for dead messages
    std::size_t buried_ = 0;                 ///< dead letters on their way
    std::uint64_t next_start_ = 0;           ///< so that pops of any queue begin at another one each time
    bool broken_ = false;
};

template <class Change>
auto pop_book::with_changes(queue_map::iterator queue, Change change) {
    struct account {
        pop_book& book;
        queue_map::iterator queue;
        std::size_t leases_before;
        ~account() { book.settle(queue, leases_before); }
    };
    const account keep{*this, queue, queue->second.table.leases()};
    return change(queue->second.table, changes_[queue->first]);
}

} // namespace troupe::actors
