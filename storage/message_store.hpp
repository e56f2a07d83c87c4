#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/pending_transaction.hpp"
#include "storage/store_options.hpp"
#include "storage/topic_rule.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

class file_system;

/// A record as `protocol::encode_record` makes it, before the writer has given it a place: queue offset, log position,
/// store time and checksum are still zero. `record` may hold several records, one after the other, all of one queue
/// (a batch): they get consecutive offsets.
struct unplaced_records {
    topic_queue queue;
    std::string bytes;
    std::int32_t count = 1;
};

/// Where records went.
struct placed_records {
    queue_offset first;
    log_position position; ///< of the first record
    log_position end;      ///< just past the last record: acknowledge when this is durable
    timestamp_ms stored;
};

/// Everything a reader needs of one queue, at one moment.
struct queue_bounds {
    queue_offset min; ///< first offset still stored; equals max when nothing is
    queue_offset max; ///< next offset to be given (of visible records)
};

enum class read_status : std::uint8_t {
    found,
    no_match,         ///< entries were scanned, none passed the filter or all were damaged; go on at next
    at_end,           ///< offset == max: wait
    empty_queue,      ///< nothing was ever stored, and offset is 0
    offset_too_small, ///< next = min
    offset_too_large, ///< next = max
};

/// Which records a reader wants: by what the index says of them, by their properties, or both. The default wants all.
struct record_filter {
    /// Of the tags wanted, sorted; empty: any. The index has them, so other records are not read. See `protocol::tag_hash`.
    std::vector<std::int32_t> tag_hashes = {};
    /// Decides by the properties as a record holds them (protocol/properties.hpp); empty: any. Called by whoever reads, several
    /// threads at once. Must not throw.
    std::function<bool(std::string_view properties)> wants = {};
    /// What `wants` costs for each byte of the properties, in bytes compared: the length of its expression, about.
    std::size_t work = 1;

    [[nodiscard]] bool wants_tag(std::int32_t hash) const;
    /// What a reader of the whole record would say.
    [[nodiscard]] bool matches(std::string_view properties) const;
};

struct read_limits {
    std::int32_t messages_max = 32;
    std::size_t bytes_max = 256u << 10; ///< at least one message is returned even if it alone is larger
    /// Bytes of records read for a filter that looks at properties: beyond, the answer is what was found by then.
    std::size_t examined_bytes_max = 4u << 20;
};

/// Stored records, byte for byte as in the log, one after the other.
struct read_records {
    read_status status = read_status::at_end;
    queue_offset next; ///< where to read next
    queue_bounds bounds;
    std::int32_t count = 0;
    payload records;
    std::int32_t damaged = 0; ///< records skipped because their checksum failed; each was logged and counted
};

enum class store_state : std::uint8_t {
    open,
    disk_full, ///< appends fail with disk_full; probe_disk() opens it again
    read_only, ///< a write or sync failed; only a restart helps
    closed,
};

/// What recovery did, for the log and for `troupe store stat`.
struct recovery_report {
    log_position checkpoint; ///< replay began here
    log_position end;        ///< next record goes here
    std::uint64_t replayed_bytes = 0;
    std::uint64_t replayed_records = 0;
    std::uint64_t cut_bytes = 0; ///< torn tail removed (0: none)
    log_position cut_at;
    std::uint64_t damaged_ranges = 0; ///< places that hold no valid record, and were kept out of the index
    std::vector<std::string> damaged; ///< file, position and length of the first problems_max of them
    std::uint64_t elapsed_us = 0;
};

struct store_stats {
    store_state state = store_state::open;
    std::string state_reason;
    log_position log_min;
    log_position log_end;     ///< written
    log_position log_durable; ///< synced
    std::uint64_t segments = 0;
    std::uint64_t appended_records = 0;
    std::uint64_t appended_bytes = 0;
    std::uint64_t syncs = 0;
    std::uint64_t damaged_records = 0; ///< records that readers skipped, and places that recovery did
    std::uint64_t queues = 0;          ///< in memory; idle ones leave it
    std::uint64_t index_memory_bytes = 0;
    log_position index_persisted; ///< the index in RocksDB covers the log up to here
    std::uint64_t transactions_pending = 0;
    std::uint64_t transactions_lost = 0; ///< since the start: half messages that retention took before their outcome
};

/// What the records of one element of append() may have together: they go into one segment.
[[nodiscard]] std::size_t batch_bytes_max(const store_options& options);

/// The messages of one broker: commit log, queue index, key index, and their recovery.
///
/// Owns       the directory `options.directory`; one instance, one process (lock file).
/// Threads    four roles, each one thread at a time, all at once:
///            writer   append, probe_disk, retain, forget_topic; flush in flush mode sync
///            flusher  flush in flush mode async, so that appends do not wait for the disk
///            indexer  persist_index
///            readers  (any number) everything const
/// Visible    a record can be read once it is durable (flush mode sync) or written (async). Never before.
/// Fails      with result<>; never throws.
/// Always     1. Positions and queue offsets are given by append() alone and never reused.
///            2. The index is a function of the log: deleting it and reopening rebuilds it identically. So is which half messages
///               have no outcome (pending_transaction.hpp).
///            3. After a failed write or sync, state() is read_only and append() and flush() fail until reopened.
class message_store {
public:
    /// Opens or creates the store and recovers it. Fails with locked, corrupt, format_unknown, io, disk_full.
    static result<std::unique_ptr<message_store>> open(std::shared_ptr<file_system> files, store_options options);
    ~message_store();
    message_store(const message_store&) = delete;
    message_store& operator=(const message_store&) = delete;

    // ---- writer ----------------------------------------------------------------------------------------------------

    /// Gives `batch` its places, in order, and writes it behind one batch header; does not sync. One result per element.
    /// All or nothing: on failure no element was placed. In flush mode async the records are visible on return.
    /// Store times never decrease: a `now` that does is raised. Fails with busy (or disk_full, when that is why) while too
    /// much of the index waits for persist_index(), argument_illegal for records that are not of their queue, disk_full,
    /// store_read_only.
    result<std::vector<placed_records>> append(std::vector<unplaced_records> batch, timestamp_ms now);
    /// The same for a batch that the caller goes on using: on success its bytes are those in the log.
    result<std::vector<placed_records>> append(std::span<unplaced_records> batch, timestamp_ms now);
    /// Makes everything appended when it began durable and, in flush mode sync, visible. Returns the durable position.
    /// In flush mode async also safe while the writer appends.
    result<log_position> flush();
    /// Looks again whether there is room; leaves disk_full when there is. Cheap enough for every second.
    void probe_disk();
    /// Removes whole segments by age, total size and disk watermark, at most so many. Returns the number removed.
    result<std::size_t> retain(timestamp_ms now, std::size_t segments_max = SIZE_MAX);
    /// Drops the index of every queue of `topic`; its records stay in the log until retention. Its offsets restart at 0.
    /// Durable on return, as a record of its own in the log, so that a rebuild of the index knows it too. On a failure
    /// after that record was written the store turns read-only, and the next open drops the topic.
    result<void> forget_topic(std::string_view topic);

    // ---- indexer ---------------------------------------------------------------------------------------------------

    /// Writes index entries of visible records to RocksDB and, every options.checkpoint_bytes of log or when `force`,
    /// makes them durable and moves the checkpoint. Bounded work per call; true when there is more to do.
    result<bool> persist_index(bool force);

    // ---- readers ---------------------------------------------------------------------------------------------------

    /// Reads records of `queue` from `from` on. A queue never written to is empty. Verifies every record's checksum. What one read
    /// costs is bounded, however little the filter wants: it looks at 800 entries of the index, and for a filter of properties at
    /// limits.examined_bytes_max of records, and holds no more of those at a time than it returns and 256 KiB (or one record).
    [[nodiscard]] result<read_records> read(const topic_queue& queue, queue_offset from, const record_filter& filter,
                                            read_limits limits) const;
    [[nodiscard]] result<queue_bounds> bounds(const topic_queue& queue) const;
    /// First offset stored at or after `time`; max when all are older.
    [[nodiscard]] result<queue_offset> offset_at_or_after(const topic_queue& queue, timestamp_ms time) const;
    /// Last offset stored at or before `time`; min when all are younger.
    [[nodiscard]] result<queue_offset> offset_at_or_before(const topic_queue& queue, timestamp_ms time) const;
    /// Store time of the record at `offset`; message_not_found if it is not there.
    [[nodiscard]] result<timestamp_ms> stored_at(const topic_queue& queue, queue_offset offset) const;
    /// The record at a log position; message_not_found, corrupt.
    [[nodiscard]] result<payload> record_at(log_position position) const;
    /// Records of `topic` with `key` (a KEYS word or a UNIQ_KEY) stored in [begin, end], newest first; only those below a position of the
    /// log, if one is given: that of the last one leads on to the next part of very many.
    [[nodiscard]] result<std::vector<payload>> find_by_key(std::string_view topic, std::string_view key, timestamp_ms begin,
                                                           timestamp_ms end, std::int32_t messages_max,
                                                           std::optional<log_position> below = std::nullopt) const;
    /// The half message at `position` if it has no outcome. An outcome counts from append() on, before it is visible.
    [[nodiscard]] std::optional<pending_transaction> pending(log_position position) const;
    /// The first `count_max` visible half messages behind `after` that have no outcome, by position.
    [[nodiscard]] std::vector<pending_transaction> list_pending(log_position after, std::size_t count_max) const;
    /// The half message that the given-up record at `given_up` goes on with, if it was resumed: from append() on, likewise.
    [[nodiscard]] std::optional<resumed_transaction> resumed_as(log_position given_up) const;
    /// How many have no outcome, those that are not visible yet included.
    [[nodiscard]] std::size_t pending_count() const;
    /// One step of a rule by which a topic with `queues` queues keeps less than the log: its queues begin later. Looks at about
    /// `entries_max` entries of the index; true when there is more to do. Kept in memory only: to be repeated, first after open().
    result<bool> trim_topic(const std::string& topic, std::int32_t queues, const topic_rule& rule, timestamp_ms now,
                            std::size_t entries_max) const;
    /// The topic has no rule any more: it keeps what the log keeps, what was trimmed included.
    void untrim_topic(std::string_view topic) const;
    [[nodiscard]] store_stats stats() const;
    [[nodiscard]] store_state state() const;
    [[nodiscard]] const recovery_report& recovered() const;
    [[nodiscard]] const store_options& options() const;
    /// The whole index as sorted text, to compare with the one of a rebuild. Costs memory; not while others write.
    [[nodiscard]] result<std::string> dump_index() const;

private:
    class implementation;
    explicit message_store(std::unique_ptr<implementation> made);
    std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::storage
