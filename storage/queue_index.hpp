#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/index_entry.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::storage {

class index_batch;
class index_database;

/// The newest entries of one queue: those of its last, partial block, and all that are not in the database yet.
/// About 200 bytes, and 24 for each entry.
struct queue_tail {
    explicit queue_tail(const topic_queue& key) : name{key} {}

    const topic_queue& name; ///< the key in queue_index, which stays while anybody holds this
    std::mutex mutex;        ///< guards what follows, up to `reserved`
    std::int64_t first = 0;  ///< offset of entries.front(); always the start of a block
    std::int64_t persisted = 0;
    std::vector<index_entry> entries;
    std::int64_t min_offset = 0;         ///< the queue's first stored offset ...
    log_position min_known_for{-1};      ///< ... when the log begins here
    std::uint64_t emptied = 0;           ///< how often the queue was forgotten
    std::int64_t reserved = 0;           ///< writer only: next offset to give away
    std::atomic<bool> is_loaded = false; ///< read from the database
    std::atomic<bool> is_dirty = false;  ///< listed as having entries that are not in the database
    std::atomic<bool> is_used = true;    ///< touched since the last look for idle queues

    [[nodiscard]] std::int64_t next() const { return first + static_cast<std::int64_t>(entries.size()); }
};
using queue_handle = std::shared_ptr<queue_tail>;

/// (queue, offset) to entry, for all queues of a store: tails in memory, full blocks in the database.
///
/// Threads  the roles of message_store: writer (reserve, cancel, add, forget), indexer (collect, collected, evict_idle),
///          readers (everything const). Recovery (restore) is alone. Locks are per queue and never held while reading
///          blocks, except when a queue is touched for the first time.
/// Memory   queues with nothing unwritten go when more than idle_queues_max are in memory; unwritten entries count in
///          memory_bytes(), which the owner bounds.
/// Fails    with the database's errors.
class queue_index {
public:
    static constexpr std::size_t idle_queues_max = 8192;

    explicit queue_index(index_database& database) : database_{database} {}
    queue_index(const queue_index&) = delete;
    queue_index& operator=(const queue_index&) = delete;

    /// The tail of `queue`, loaded. A queue never seen is empty.
    [[nodiscard]] result<queue_handle> find(const topic_queue& queue) const;

    // ---- writer ----------------------------------------------------------------------------------------------------

    /// Gives away `count` offsets; add() must follow in the same order, or cancel().
    static queue_offset reserve(queue_tail& tail, std::int64_t count);
    static void cancel(queue_tail& tail);
    /// Adds an entry at the next offset.
    void add(const queue_handle& tail, const index_entry& entry);
    /// Empties every queue of `topic`, in memory only.
    void forget(std::string_view topic);

    // ---- recovery --------------------------------------------------------------------------------------------------

    /// Adds the entry of a record found in the log, unless it is there. Missing offsets before it become holes; an offset
    /// that starts again at a higher position means that the queue was forgotten. corrupt: the index contradicts the log.
    result<void> restore(const topic_queue& queue, queue_offset offset, const index_entry& entry);

    // ---- indexer ---------------------------------------------------------------------------------------------------

    /// Puts blocks with entries below `limit` into `batch`, about `entries_max` entries. True when more are left.
    /// collected() must follow, before anything else of the indexer.
    bool collect(log_position limit, std::size_t entries_max, index_batch& batch);
    /// Tells whether the batch is in the database. If not, the round starts over.
    void collected(bool is_written);
    /// Forgets some of the queues that nobody needs.
    void evict_idle();

    // ---- readers ---------------------------------------------------------------------------------------------------

    /// Offset after the last entry below `visible`.
    [[nodiscard]] static queue_offset end(queue_tail& tail, log_position visible);
    /// First offset at or above `log_min`; the next offset when there is none.
    [[nodiscard]] result<queue_offset> begin(queue_tail& tail, log_position log_min) const;
    /// Entries from `from` on, at most `count`, below `visible`. Blocks that are gone read as holes.
    [[nodiscard]] result<std::vector<index_entry>> entries(queue_tail& tail, queue_offset from, std::int64_t count,
                                                           log_position visible) const;
    /// First offset whose entry `holds`, which must be false for all entries before it and true after; next() if none.
    [[nodiscard]] result<std::int64_t> first_where(queue_tail& tail, const std::function<bool(const index_entry&)>& holds) const;

    [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t queues() const { return queues_.load(std::memory_order_relaxed); }
    /// Calls visit(tail) for every queue in memory.
    void for_each(const std::function<void(queue_tail&)>& visit) const;

private:
    struct shard {
        std::mutex mutex;
        std::unordered_map<topic_queue, queue_handle> queues;
    };
    static constexpr std::size_t shards = 64;

    [[nodiscard]] shard& shard_of(const topic_queue& queue) const;
    [[nodiscard]] result<void> load(queue_tail& tail) const;
    [[nodiscard]] result<std::int64_t> first_in_blocks(const queue_tail& tail, std::int64_t tail_first, std::int64_t otherwise,
                                                       const std::function<bool(const index_entry&)>& holds) const;
    result<void> restart(queue_tail& tail);
    void empty_locked(queue_tail& tail);
    [[nodiscard]] result<log_position> last_position(queue_tail& tail) const;
    void append_locked(const queue_handle& tail, const index_entry& entry);
    void mark_dirty(const queue_handle& tail);
    std::int64_t put_blocks(queue_tail& tail, log_position limit, std::size_t entries_max, index_batch& batch, bool& is_whole);

    index_database& database_;
    mutable std::array<shard, shards> shards_;
    mutable std::atomic<std::size_t> queues_{0};
    std::atomic<std::size_t> memory_bytes_{0};

    std::mutex dirty_mutex_;
    std::vector<queue_handle> dirty_;

    // Of the indexer.
    std::vector<queue_handle> round_; ///< queues still to be collected
    std::vector<std::pair<queue_handle, std::int64_t>> collected_;
    std::size_t evict_next_ = 0;
};

} // namespace troupe::storage
