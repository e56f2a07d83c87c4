#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/index_entry.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace troupe::storage {

class index_batch;
class index_database;

/// 64 bits of (topic, key); part of the index format.
std::uint64_t key_hash(std::string_view topic, std::string_view key);

/// What the indexes need of a record's properties, found in one pass over them.
struct record_facts {
    std::int32_t tag_hash = 0;
    std::vector<std::uint64_t> key_hashes; ///< UNIQ_KEY and each word of KEYS
};
/// Fills `facts`, whose memory is used again from record to record.
void find_facts(std::string_view topic, std::string_view properties, record_facts& facts);
/// Whether the record's UNIQ_KEY or a word of its KEYS is `key`.
bool has_key(std::string_view properties, std::string_view key);

/// (topic, key) to log positions. New entries wait in memory; the indexer packs them into rows by hash, so that a look-up
/// reads one small row per chunk of the log instead of the log, and the database takes one row for many records.
///
/// Threads  add: writer. collect, collected: indexer. find: any.
/// Memory   24 bytes for each entry that is not collected, see memory_bytes().
class key_index {
public:
    /// Entries that make a chunk worth writing.
    static constexpr std::size_t chunk_entries = 64u << 10;

    explicit key_index(index_database& database) : database_{database} {}
    key_index(const key_index&) = delete;
    key_index& operator=(const key_index&) = delete;

    /// `entries` ascend by position and follow all earlier ones.
    void add(std::span<const key_entry> entries);
    /// Puts everything below `limit` into `batch`; collected() must follow.
    void collect(log_position limit, index_batch& batch);
    void collected(bool is_written);
    /// Calls `visit` with positions whose record may have the key, newest first, each once, until it says false.
    result<void> find(std::uint64_t hash, timestamp_ms begin, timestamp_ms end, const std::function<bool(log_position)>& visit) const;

    [[nodiscard]] std::size_t pending() const { return pending_count_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t memory_bytes() const { return pending() * sizeof(key_entry); }
    [[nodiscard]] std::vector<key_entry> pending_entries() const;

private:
    index_database& database_;
    mutable std::mutex mutex_;
    std::vector<key_entry> pending_; ///< ascending by position
    std::atomic<std::size_t> pending_count_{0};
    std::size_t collected_ = 0; ///< indexer: how many at the front are in the batch
};

} // namespace troupe::storage
