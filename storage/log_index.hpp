#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/index_database.hpp"
#include "storage/key_index.hpp"
#include "storage/queue_index.hpp"
#include "storage/transaction_index.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe::storage {

class file_system;

/// Everything that is derived from the commit log: queue index, key index, pending transactions, forgotten topics, and the checkpoint that says
/// up to which log position all of them are on disk.
///
/// Threads  the roles of message_store: add and forget by the writer, persist by the indexer, const by anyone; replay by
///          recovery, alone.
/// Always   1. What persist() writes lies below the position it was given: give it durable positions only.
///          2. After a crash, replaying the log from checkpoint() makes the index what it was.
class log_index {
public:
    /// Opens or creates the database. corrupt, not_found, format_unknown: remove the directory and rebuild.
    static result<std::unique_ptr<log_index>> open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                   std::size_t block_cache_bytes);

    /// Replay must begin here; durable. 0 for an empty index.
    [[nodiscard]] log_position checkpoint() const { return log_position{checkpoint_durable_.load(std::memory_order_acquire)}; }
    /// The log begins here: what points below is gone. Returns how many pending transactions went with it.
    std::size_t set_log_min(log_position log_min);
    [[nodiscard]] log_position log_min() const { return log_position{log_min_->load(std::memory_order_acquire)}; }

    /// Indexes a record that stands in the log at `position`, unless it is indexed already. corrupt: rebuild.
    result<void> replay(log_position position, std::string_view record);

    /// Whether forget() would be tried: disk_full, io.
    [[nodiscard]] result<void> can_write() const { return database_->can_write(); }
    /// A record of the log that tells to drop all queues of `topic` stands at `position`.
    result<void> forget(std::string_view topic, log_position position);
    /// The topic's records below this do not count.
    [[nodiscard]] log_position forgotten_below(std::string_view topic) const;

    /// One bounded step towards having everything below `durable` in the database; a new checkpoint is made durable every
    /// `checkpoint_bytes` of log, or when `force`. True when there is more to do.
    result<bool> persist(log_position durable, std::uint64_t checkpoint_bytes, bool force);

    [[nodiscard]] queue_index& queues() { return queues_; }
    [[nodiscard]] const queue_index& queues() const { return queues_; }
    [[nodiscard]] key_index& keys() { return keys_; }
    [[nodiscard]] const key_index& keys() const { return keys_; }
    [[nodiscard]] transaction_index& transactions() { return transactions_; }
    [[nodiscard]] const transaction_index& transactions() const { return transactions_; }
    [[nodiscard]] std::size_t memory_bytes() const { return queues_.memory_bytes() + keys_.memory_bytes() + transactions_.memory_bytes(); }

    /// Every entry, key and pending transaction at or above log_min() as text, sorted: equal texts are equal indexes. Not while others write.
    [[nodiscard]] result<std::string> dump() const;

private:
    explicit log_index(std::shared_ptr<std::atomic<std::int64_t>> log_min, std::unique_ptr<index_database> database);

    [[nodiscard]] bool checkpoint_is_due(std::uint64_t checkpoint_bytes, bool force) const;
    result<void> flush_checkpoint();

    std::shared_ptr<std::atomic<std::int64_t>> log_min_;
    std::unique_ptr<index_database> database_;
    queue_index queues_;
    key_index keys_;
    transaction_index transactions_;

    mutable std::mutex forgotten_mutex_;
    std::map<std::string, log_position, std::less<>> forgotten_;

    std::mutex persist_mutex_; ///< a step of persist() against forget()
    bool in_round_ = false;    ///< persist() has not been through all queues yet
    log_position round_limit_;
    log_position checkpoint_written_;
    std::atomic<std::int64_t> checkpoint_durable_{0};
    record_facts facts_; ///< of replay
};

/// Topic of the records that tell to forget a topic, whose name is their body. Users cannot send to it.
inline constexpr std::string_view forget_topic_name = "rmq_sys_TROUPE_FORGET";

} // namespace troupe::storage
