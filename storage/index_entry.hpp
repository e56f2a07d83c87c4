#pragma once

#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the queue index keeps of a record, and how entries are packed. Bytes: docs/formats/index.md.
namespace troupe::storage {

/// Where one message of a queue is, and what a reader must know before it fetches the record.
struct index_entry {
    log_position position;
    std::int32_t bytes = 0; ///< 0: a hole, whose record was damaged; it carries its predecessor's position and time
    std::int32_t tag_hash = 0;
    timestamp_ms stored;

    [[nodiscard]] bool is_hole() const { return bytes == 0; }
    friend bool operator==(const index_entry&, const index_entry&) = default;
};

inline constexpr std::size_t index_entry_bytes = 24;
inline constexpr std::int64_t block_entries = 32; ///< of a full block; block n holds the offsets [32 n, 32 n + 32)

inline void append_entry(std::string& out, const index_entry& entry) {
    append_be(out, entry.position.value());
    append_be(out, entry.bytes);
    append_be(out, entry.tag_hash);
    append_be(out, entry.stored.value());
}

/// nullopt when `block` is no whole number of entries, or holds more than a block may.
inline std::optional<std::vector<index_entry>> decode_block(std::string_view block) {
    const auto count = block.size() / index_entry_bytes;
    if (block.size() % index_entry_bytes != 0 || count > static_cast<std::size_t>(block_entries)) {
        return std::nullopt;
    }
    std::vector<index_entry> entries(count);
    const char* from = block.data();
    for (auto& entry : entries) {
        entry = {log_position{load_be<std::int64_t>(from)}, load_be<std::int32_t>(from + 8), load_be<std::int32_t>(from + 12),
                 timestamp_ms{load_be<std::int64_t>(from + 16)}};
        from += index_entry_bytes;
    }
    return entries;
}

/// One key of one record in the key index.
struct key_entry {
    std::uint64_t hash = 0; ///< of topic and key, see key_hash
    log_position position;
    timestamp_ms stored;
    friend bool operator==(const key_entry&, const key_entry&) = default;
};

} // namespace troupe::storage
