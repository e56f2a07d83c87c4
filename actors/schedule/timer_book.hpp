#pragma once

#include "actors/base/topic_directory.hpp"
#include "actors/schedule/timer_message.hpp"
#include "actors/schedule/timer_schedule.hpp"
#include "storage/message_store.hpp"
#include "storage/timer_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// How far the log's two timer queues reached when the log was opened.
struct timer_log_ends {
    queue_offset timers;
    queue_offset notes;
};
/// Ask before anything is appended. Fails with io, corrupt.
result<timer_log_ends> find_timer_log_ends(const storage::message_store& log);

struct timer_book_options {
    std::shared_ptr<const storage::message_store> log;
    timer_log_ends ends; ///< what the store has worked off beyond them, a power loss took from the log: others stand there by now
    std::shared_ptr<const topic_directory> topics;
    protocol::host_address store_host;
    storage::timer_read_limits batch;                                  ///< what is delivered at once
    storage::read_limits intake{1'024, 1u << 20};                      ///< what is taken in at once
    std::uint64_t checkpoint_bytes = 64ull << 20;                      ///< timers become durable after this much log ...
    std::chrono::milliseconds checkpoint_interval{60'000};             ///< ... and after this long
    bool checkpoints_wait = false;                                     ///< for tests, in which nothing happens beside
    std::size_t undurable_max = timer_schedule::undurable_max_default; ///< delivered, and not durable in the log yet
    std::size_t recalls_max = 10'000;                                  ///< that may be under way
    std::function<void(const std::string&)> warn = nullptr;            ///< what people should know
};

struct timer_counts {
    std::uint64_t taken_in = 0;
    std::uint64_t delivered = 0;
    std::uint64_t recalled = 0;
    std::uint64_t dropped = 0; ///< whose topic was gone
    std::uint64_t lost = 0;    ///< that retention took before they were taken in, or damage in the log or the store
};

/// A timer for people.
struct timer_shown {
    storage::timer_key key;
    std::string topic;
    std::string unique_key;
    timestamp_ms stored;
    std::size_t body_bytes = 0;
    payload record; ///< whole
};

/// The pending timers of a broker: follows the queue in which they are stored, knows which are due, and forgets those that were
/// delivered. Everything but the appending, which its owner does: see next().
///
/// The log is the truth. Timers and orders to recall some are one queue of it, notes of what was delivered another; a timer_store holds
/// what results, and how far that is. It is only kept because the log forgets sooner than timers are due.
///
/// Threads  not synchronised; blocks on the disk.
/// Memory   one batch on its way, see timer_schedule; nothing for timers that wait.
/// Always   1. No timer is in a batch before it is due.
///          2. A timer leaves the store when the log holds its copy and the note of it durably. The note is the last record of the
///             batch: whatever a crash leaves of it, no timer is lost, and only one torn in the middle is delivered again in part.
///          3. After a start nothing is delivered before everything in the log is worked off: what was recalled stays recalled, what
///             was delivered is not delivered again.
///          4. A timer whose recall was accepted is not in any later batch.
/// Fails    never for good: after a failed read or write it opens its store again, once a second, and works off the log from there.
class timer_book {
public:
    timer_book(timer_book_options options, std::unique_ptr<storage::timer_store> store);
    ~timer_book();
    timer_book(const timer_book&) = delete;
    timer_book& operator=(const timer_book&) = delete;

    /// Records to append in this order, all or none. The last is the note.
    struct batch {
        std::vector<storage::unplaced_records> records;
        std::size_t bytes = 0;
    };
    struct step {
        std::optional<batch> append; ///< answer with appended() or not_appended(); until then there is no other
        bool again = false;          ///< there is more to do at once
        timestamp_ms wake;           ///< when to call again at the latest, if not
    };
    /// Does a bounded part of what there is to do.
    step next(timestamp_ms now);
    /// Everything was appended; `note` says where the last record is.
    void appended(const storage::placed_records& note);
    void not_appended(timestamp_ms now);

    enum class recall_outcome : std::uint8_t { accepted, too_late, not_there, busy };
    /// Whether the timer of this name can still be taken back. accepted: append make_recall() for it, and call recall_failed() if that
    /// fails. not_there: all timers are known, and it is none of them. busy: too many are under way, the store cannot be read now, or the log is not
    /// worked off yet after a start.
    recall_outcome recall(std::string_view topic, std::string_view unique_key);
    void recall_failed(std::string_view topic, std::string_view unique_key);

    /// Of the timers on one page, together; one that is larger has a page of its own.
    static constexpr std::size_t page_bytes_max = 4u << 20;
    /// Of the timers that are looked at for one page, about.
    static constexpr std::size_t scan_bytes_max = 16u << 20;
    /// Timers from `from` on, for `topic` if that is not empty; `next` is where to go on. Looks at no more than `scan_max`.
    struct page {
        std::vector<timer_shown> timers;
        storage::timer_key next = storage::no_timer_key;
    };
    [[nodiscard]] result<page> list(const storage::timer_key& from, std::string_view topic, std::int32_t max, std::int32_t scan_max) const;
    /// message_not_found.
    [[nodiscard]] result<timer_shown> find(std::string_view topic, std::string_view unique_key) const;

    /// Makes everything durable, before an orderly end. What was delivered and is not durable in the log stays.
    void close();

    [[nodiscard]] const timer_counts& counts() const { return counts_; }
    [[nodiscard]] std::uint64_t pending() const { return store_->pending(); }
    [[nodiscard]] std::uint64_t store_bytes() const { return store_->bytes(); }
    /// Everything that was stored among the timers before this place is taken in.
    [[nodiscard]] queue_offset taken_in() const { return store_->progress().taken; }
    /// Stored among the timers, and not taken in yet.
    [[nodiscard]] std::int64_t behind() const;
    /// How late the earliest timer that is not delivered is now; 0: none is.
    [[nodiscard]] std::int64_t late_ms(timestamp_ms now) const;
    /// Everything that is taken in is durable.
    [[nodiscard]] bool is_saved() const { return !unsaved_since_; }
    [[nodiscard]] bool is_ready() const { return phase_ == phase::ready; }

private:
    enum class phase : std::uint8_t {
        opening,     ///< the store's progress is to be compared with the log
        catching_up, ///< what the log has beyond the progress is worked off
        ready,
        failed, ///< the store is to be opened again
    };

    struct dropped_timers {
        std::uint64_t count = 0;
        std::string first; ///< which, and why
    };

    result<bool> open();
    result<bool> catch_up();
    result<bool> take_in();
    result<bool> take_notes();
    result<bool> remove_delivered();
    result<bool> forget_damaged(const std::vector<storage::timer_key>& damaged);
    result<bool> fill_batch(timestamp_ms now, std::optional<batch>& made);
    result<void> checkpoint(timestamp_ms now);
    result<void> reopen(timestamp_ms now);
    result<void> read_intake(const storage::read_records& read, storage::timer_changes& changes);
    result<void> take_recall(const timer_facts& facts, storage::timer_changes& changes);
    void let_go(std::uint64_t name_hash);
    result<void> write(storage::timer_changes& changes);
    void add_copy(const storage::stored_timer& timer, timestamp_ms now, batch& to, dropped_timers& dropped);
    void report(const dropped_timers& dropped);
    [[nodiscard]] result<std::vector<storage::stored_timer>> named(std::string_view topic, std::string_view unique_key) const;
    void fail(const error& failure, timestamp_ms now);
    void warn(const std::string& text) const;

    timer_book_options options_;
    std::unique_ptr<storage::timer_store> store_;
    timer_schedule schedule_;
    timer_counts counts_;
    phase phase_ = phase::opening;
    bool is_log_durable_needed_ = false; ///< opening waits until the log is durable below log_end_
    log_position log_end_;
    storage::timer_progress reach_; ///< the store's progress cannot be beyond this: it worked off nothing more of this log
    queue_offset caught_up_;        ///< timers before this one come before any delivery
    bool append_is_stale_ = false;  ///< the batch on its way is of a time before a failure
    bool append_under_way_ = false;
    std::multiset<std::uint64_t> recalled_;         ///< names whose recall was accepted and not taken in yet
    std::optional<storage::timer_key> passed_over_; ///< the first timer that was due and held back by one of them
    std::size_t copies_under_way_ = 0;
    dropped_timers dropped_under_way_;
    int intakes_ = 0;  ///< in a row
    timestamp_ms now_; ///< of the last next()
    timestamp_ms failed_at_;
    bool failure_reported_ = false;
    std::optional<timestamp_ms> unsaved_since_;
    bool is_saving_ = false;                           ///< what is unsaved is being flushed
    std::optional<timestamp_ms> written_while_saving_; ///< since when there is more
    log_position saved_at_;                            ///< end of the log at the last checkpoint
};

} // namespace troupe::actors
