#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/pending_transaction.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace troupe::storage {

class index_batch;
class index_database;

/// What one record of the log says of a transaction.
struct transaction_event {
    enum class kind : std::uint8_t { prepared, asked, decided };
    kind what = kind::prepared;
    log_position at;        ///< of the record
    pending_transaction of; ///< its position is the half message's; the rest only as far as the record says it
    log_position resumes;   ///< prepared: the given-up record that goes on with it; 0: none
};
/// Whether a record of `topic` has anything to say of a transaction. `record` may not have its place yet.
[[nodiscard]] bool tells_of_transaction(std::string_view topic, std::string_view record);
/// What it says. `record` has its place and tells of a transaction.
[[nodiscard]] transaction_event read_transaction_event(std::string_view topic, std::string_view record);

/// Which half messages have no outcome, and which given-up ones were resumed: a function of the log, kept in memory, and in the database
/// as far as the checkpoint.
///
/// Threads  apply: writer, or recovery. collect, collected: indexer. set_log_min: writer. const: any.
/// Memory   about 150 bytes for each pending one, and 80 for each change that is not collected, see memory_bytes(). The number of
///          pending ones is bounded by whoever appends half messages. About 80 bytes for each resumed one that the log still has:
///          operators resume them.
/// Always   1. An outcome counts once: what follows it in the log, or comes without its half message, changes nothing.
///          2. A given-up record is resumed once: a later half message that names it is not pending.
class transaction_index {
public:
    explicit transaction_index(index_database& database) : database_{database} {}
    transaction_index(const transaction_index&) = delete;
    transaction_index& operator=(const transaction_index&) = delete;

    /// Reads what the database has, which covers the log up to `checkpoint`. corrupt: rebuild.
    result<void> load(log_position checkpoint);
    /// `events` ascend by position and follow all earlier ones.
    void apply(std::span<const transaction_event> events);
    /// The log begins here: forgets what is below. Returns how many pending ones that were.
    std::size_t set_log_min(log_position log_min);

    /// Puts every change below `limit` into `batch`, which also moves the checkpoint to `limit`; collected() must follow.
    void collect(log_position limit, index_batch& batch);
    void collected(bool is_written);

    /// The one at `position`, if it is pending.
    [[nodiscard]] std::optional<pending_transaction> find(log_position position) const;
    /// The first `count_max` behind `after` and below `end`, by position.
    [[nodiscard]] std::vector<pending_transaction> list(log_position after, log_position end, std::size_t count_max) const;
    /// The half message that the given-up record at `given_up` goes on with, if it was resumed.
    [[nodiscard]] std::optional<resumed_transaction> resumed_as(log_position given_up) const;
    /// All of them, by position of the given-up record.
    [[nodiscard]] std::vector<resumed_transaction> resumed() const;
    [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t changes() const { return changes_count_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t memory_bytes() const { return changes() * sizeof(change); }

private:
    struct change {
        log_position at;
        log_position half;
        std::optional<pending_transaction> row; ///< none: it has an outcome
        log_position resumes;                   ///< likewise as in transaction_event
    };
    void note(const transaction_event& event);
    void publish_sizes();

    index_database& database_;
    mutable std::mutex mutex_;
    std::map<log_position, pending_transaction> pending_;
    std::map<log_position, resumed_transaction> resumed_; ///< by position of the given-up record
    std::deque<change> changes_;                          ///< ascending by `at`, since the checkpoint
    log_position covered_;                                ///< the database is what the log says up to here
    std::atomic<std::size_t> size_{0};
    std::atomic<std::size_t> changes_count_{0};

    // Of the indexer.
    std::size_t collected_ = 0; ///< how many changes at the front are in the batch
    log_position collected_to_;
};

} // namespace troupe::storage
