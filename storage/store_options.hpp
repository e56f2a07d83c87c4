#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace troupe::storage {

/// When an append counts as done.
enum class flush_mode : std::uint8_t {
    sync,  ///< acknowledged means on disk (the default)
    async, ///< acknowledged means written; synced every flush_interval
};

/// What a store reports as it happens; `text` names file, position and numbers.
enum class store_event : std::uint8_t { recovered, torn_tail_cut, damaged_record, read_only, disk_full, disk_room, segment_removed };
using store_event_sink = std::function<void(store_event, const std::string& text)>;

struct store_options {
    std::filesystem::path directory;
    flush_mode flush = flush_mode::sync;

    std::uint64_t segment_bytes = 1ull << 30;
    /// Move the checkpoint after this much log: bounds what recovery reads.
    std::uint64_t checkpoint_bytes = 64ull << 20;

    // Retention: whole segments go when any rule says so; the segment being written never goes.
    std::chrono::milliseconds retention_age{std::chrono::hours{72}};
    std::uint64_t retention_bytes = 0; ///< 0: no limit
    /// Used part of the disk (0 to 1) above which the oldest segment goes, whatever its age.
    double disk_clean_ratio = 0.85;
    /// Used part of the disk above which appends are refused, and the room kept free for offsets and the index.
    double disk_full_ratio = 0.95;
    std::uint64_t disk_reserve_bytes = 64ull << 20;

    /// Bytes of index entries not yet in RocksDB; append() answers busy above it.
    std::size_t index_memory_bytes_max = 64u << 20;
    std::size_t block_cache_bytes = 8u << 20;

    store_event_sink on_event = nullptr; ///< called from the thread that noticed; must not block
};

} // namespace troupe::storage
