#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/index_entry.hpp"
#include "storage/index_rows.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class WriteBatch;
} // namespace rocksdb

namespace troupe::storage {

class file_system;

/// Number of parts the key index is split into by hash.
inline constexpr std::uint16_t key_partitions = 512;
inline std::uint16_t key_partition(std::uint64_t hash) {
    return static_cast<std::uint16_t>(hash >> 55);
}

/// Changes of the index that become visible, and durable, together.
class index_batch {
public:
    index_batch();
    ~index_batch();
    index_batch(const index_batch&) = delete;
    index_batch& operator=(const index_batch&) = delete;

    /// Replaces block `number` of `queue`.
    void put_block(const topic_queue& queue, std::int64_t number, std::span<const index_entry> entries);
    /// Adds a row of one key partition; `entries` ascend by position and are not empty.
    void put_keys(std::uint16_t partition, std::span<const key_entry> entries);
    void put_checkpoint(log_position covered);
    void put_transaction(const pending_transaction& pending);
    void remove_transaction(log_position half);
    void put_resumed_transaction(const resumed_transaction& resumed);
    /// Removes all blocks of `topic`, and remembers that its records below `position` do not count.
    void forget_topic(std::string_view topic, log_position position);
    /// Removes all blocks of one queue.
    void clear_queue(const topic_queue& queue);
    [[nodiscard]] bool empty() const;

private:
    friend class index_database;
    std::unique_ptr<rocksdb::WriteBatch> changes_;
};

/// The rows of the derived indexes: blocks of queue entries, rows of keys, pending and resumed transactions, forgotten topics and the
/// checkpoint.
///
/// Owns     one RocksDB without write-ahead log: a crash goes back to the last flush(), never to half a batch.
/// Threads  write, flush: one thread at a time each; everything const: any thread.
/// Fails    with result<>; never throws. corrupt: rebuild the index from the log. disk_full before
///          anything is written: repeat when there is room. After a write or flush that failed on its way, all others
///          fail with io until it is opened again; reading goes on.
/// Bytes    docs/formats/index.md
class index_database {
public:
    /// Opens or creates. Rows that only point below `*log_min` may be dropped whenever RocksDB compacts.
    static result<std::unique_ptr<index_database>> open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                        std::size_t block_cache_bytes,
                                                        std::shared_ptr<const std::atomic<std::int64_t>> log_min);
    ~index_database();
    index_database(const index_database&) = delete;
    index_database& operator=(const index_database&) = delete;

    result<void> write(index_batch& changes);
    /// Whether a write would be tried: fails with disk_full or io as write() would.
    [[nodiscard]] result<void> can_write() const;
    /// Makes everything written durable. busy: somebody wrote meanwhile: repeat.
    result<void> flush();

    [[nodiscard]] result<log_position> checkpoint() const; ///< 0 when there is none
    [[nodiscard]] result<std::map<std::string, log_position, std::less<>>> forgotten_topics() const;

    struct block {
        std::int64_t number = 0;
        std::vector<index_entry> entries;
    };
    /// The entries of one block; empty when it is not there.
    [[nodiscard]] result<std::vector<index_entry>> entries(const topic_queue& queue, std::int64_t number) const;
    /// The queue's first or last block; number -1 when the queue has none.
    [[nodiscard]] result<block> first_block(const topic_queue& queue) const;
    [[nodiscard]] result<block> last_block(const topic_queue& queue) const;
    /// Every block, by topic, queue and number.
    result<void> for_each_block(const std::function<void(const topic_queue&, const block&)>& visit) const;

    /// The rows of a partition, newest first, until `visit` says false.
    result<void> for_each_key_row(std::uint16_t partition, const std::function<bool(const key_row&)>& visit) const;
    /// All that are pending, by position.
    [[nodiscard]] result<std::vector<pending_transaction>> transactions() const;
    /// Given-up records that were resumed, by position.
    [[nodiscard]] result<std::vector<resumed_transaction>> resumed_transactions() const;

private:
    class implementation;
    explicit index_database(std::unique_ptr<implementation> made);
    std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::storage
