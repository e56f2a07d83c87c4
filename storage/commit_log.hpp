#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/file_system.hpp"
#include "storage/log_scan.hpp"
#include "storage/segment.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

struct commit_log_options {
    std::filesystem::path directory; ///< created if it is not there
    std::uint64_t segment_bytes = 1ull << 30;
    std::uint64_t reserve_bytes = 0; ///< a new segment must leave this much of the disk free
};

/// Exactly one encoded record on its way into the log: the caller has decided its queue offset, the log its position.
struct pending_record {
    std::span<char> bytes; ///< append() writes offset, position, store time and checksum into it
    queue_offset offset;
    log_position position{-1}; ///< set by append()
    /// Of the first record of a batch: the bytes of all of it, which stay in one segment, so that the place of each record
    /// follows from that of the first. Else 0.
    std::size_t batch_bytes = 0;
};

/// Where a record is.
struct record_place {
    log_position position;
    std::uint32_t bytes = 0;
};

/// What recovery found and did.
struct log_recovery {
    scan_summary scan;
    std::uint64_t cut_bytes = 0; ///< bytes of a torn tail that were removed at scan.end
};

/// One finished or current segment, for retention and statistics.
struct segment_summary {
    log_position base;
    std::uint64_t capacity_bytes = 0;
    timestamp_ms first_stored; ///< 0: not known
    timestamp_ms last_stored;  ///< 0: not known
    bool is_active = false;    ///< the one being written
};

/// Message records in the order they were written, in segments. The truth that every index is derived from.
///
/// Owns       options.directory. The caller holds the store's lock.
/// Threads    the writer (one thread at a time): recover, append, seal, remove_segments_before.
///            sync: any thread, also while the writer appends. Everything const: any thread, at any time.
/// Durable    what is below durable(), which only sync() moves.
/// Fails      with result<>; never throws. disk_full: nothing was placed and the log stays usable. Any other error of a
///            write, and any error of a sync: the log is failed(), and append, sync and seal answer store_read_only
///            until it is opened again; reading goes on. A segment that cannot be opened fails the append alone.
/// Always     1. Bytes below durable() never change until their segment is removed.
///            2. Every segment but the last is durable in whole.
///            3. Nothing but zeros stands behind end() when an append begins.
/// Bytes      docs/formats/commit_log.md
class commit_log {
public:
    /// Opens the segments; the log can be read only after recover(). Fails with format_unknown and corrupt (see
    /// open_segments), io, disk_full.
    static result<std::unique_ptr<commit_log>> open(std::shared_ptr<file_system> files, commit_log_options options);
    commit_log(const commit_log&) = delete;
    commit_log& operator=(const commit_log&) = delete;
    ~commit_log();

    // ---- writer ----------------------------------------------------------------------------------------------------

    /// Walks the log from `from` (0 or lower than the first segment: from its start), tells `visitor` what is there,
    /// removes a torn tail, makes what is left durable, and prepares for appending under an epoch one above the last.
    /// `from` is a checkpoint: a durable boundary between records. Fails with corrupt if the log ends below it.
    result<log_recovery> recover(log_position from, const log_visitor& visitor);

    /// Places `records` in order behind one batch header and writes them at once; where the segment ends, the rest
    /// follows in the next one behind its own header. Does not sync (a segment that is left is synced).
    /// All or nothing. Returns the new end(). Fails with argument_illegal for a record or batch that fits in no segment.
    result<log_position> append(std::span<pending_record> records, timestamp_ms now);

    /// Makes everything durable that was appended when the call began; returns durable(), which is at least that.
    result<log_position> sync();

    /// Writes and syncs an empty batch that states the durable position, so that damage to the last records can be told
    /// from a torn tail. For a clean close, or a writer that has become idle; does nothing if it was done already.
    result<void> seal(timestamp_ms now);

    /// Removes the files of segments that end at or below `position`, never the last. Returns how many. Readers that are
    /// in one finish undisturbed.
    result<std::size_t> remove_segments_before(log_position position);

    // ---- anyone ----------------------------------------------------------------------------------------------------

    [[nodiscard]] log_position min_position() const; ///< base of the first segment
    [[nodiscard]] log_position end() const;          ///< written
    [[nodiscard]] log_position durable() const;      ///< synced
    [[nodiscard]] log_epoch epoch() const;           ///< of the headers being written
    [[nodiscard]] bool failed() const;

    /// The record at `place`, checked. message_not_found outside of [min_position, end), corrupt, io.
    [[nodiscard]] result<payload> read(record_place place) const;
    /// The record at `position`, whose size is taken from its length word.
    [[nodiscard]] result<payload> read(log_position position) const;

    /// Many records with few disk reads: neighbours are fetched together. `places` ascend. Appends each good record to
    /// `out`, and sets one element of the answer per place: none, message_not_found or corrupt. Fails with io.
    result<std::vector<errc>> read_all(std::span<const record_place> places, std::string& out) const;

    /// Walks what is written from `from` to end() at this moment. See scan_log.
    result<scan_summary> scan(log_position from, const log_visitor& visitor) const;

    [[nodiscard]] std::vector<segment_summary> segments() const;
    [[nodiscard]] std::uint64_t bytes_on_disk() const;
    [[nodiscard]] result<disk_space> space() const;
    /// What must be free on the disk before append() can go on: more than the reserve after a segment did not fit.
    [[nodiscard]] std::uint64_t room_wanted_bytes() const;

private:
    commit_log(std::shared_ptr<file_system> files, commit_log_options options, segment_list segments);

    using segments_snapshot = std::shared_ptr<const segment_list>;
    struct piece;

    [[nodiscard]] segments_snapshot snapshot() const;
    void publish(segment_list segments);
    result<void> usable() const;
    error fail(const error& cause);

    result<void> check_checkpoint(const segment_list& segments, log_position from) const;
    void adopt(const batch_header& last, log_position end);
    result<void> sync_file(const segment& in);
    result<void> trim(log_position end, bool with_bytes);
    static result<void> clear_from(segment& in, log_position end);
    static result<void> write_again(const segment_list& segments, log_position begin, log_position end);
    result<void> remove_file(const std::filesystem::path& path);

    result<std::vector<piece>> plan(std::span<pending_record> records);
    void fill_in(std::vector<piece>& pieces, timestamp_ms now);
    result<void> write_pieces(const std::vector<piece>& pieces);
    result<void> undo(std::span<const piece> pieces);
    void finish(const std::vector<piece>& pieces, timestamp_ms now);
    result<std::shared_ptr<segment>> take_segment(log_position base);
    result<void> make_room(segment& in);

    static result<void> read_run(const segment& in, std::span<const record_place> places, std::span<errc> outcome, std::string& out);

    const std::shared_ptr<file_system> files_;
    const commit_log_options options_;

    mutable std::mutex segments_mutex_; ///< guards the pointer; the list behind it never changes
    segments_snapshot segments_;
    segment_list spares_; ///< behind the last segment: made for an append that then failed; the next roll takes them

    std::atomic<std::uint64_t> segment_wanted_bytes_{0}; ///< of a segment that did not fit
    std::mutex sync_mutex_;                              ///< held for every sync of a file that holds records
    std::atomic<std::int64_t> end_{0};
    std::atomic<std::int64_t> durable_{0};
    std::atomic<bool> failed_{false};
    std::atomic<std::int32_t> epoch_{0};
    mutable std::mutex failure_mutex_;
    std::string failure_;         ///< why it failed; under failure_mutex_
    std::int64_t sequence_ = 0;   ///< of the last header written
    log_position sealed_end_{-1}; ///< end() after the last seal
};

} // namespace troupe::storage
