#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// The control records of the commit log: batch headers and the filler at the end of a segment.
/// Bytes: `docs/formats/commit_log.md`. All numbers are big-endian. Like a message record, each control record starts
/// with its length and a magic number, and a batch header has its log position at byte 28.
namespace troupe::storage {

inline constexpr std::uint32_t batch_header_magic = 0xDAA3'B47C;
inline constexpr std::uint32_t filler_magic = 0xCBD4'3194; ///< RocketMQ's BLANK_MAGIC_CODE
inline constexpr std::size_t batch_header_bytes = 64;
inline constexpr std::size_t filler_bytes = 8; ///< of the filler's own words; it stands for the rest of the segment
inline constexpr std::uint32_t batch_header_version = 1;

/// Stands in front of the records that were written together (a batch that rolls into the next segment has one header
/// in each). Never delivered to a consumer.
struct batch_header {
    log_epoch epoch;
    std::int64_t sequence = 0; ///< rises by at least one from header to header
    log_position position;     ///< of this header itself
    log_position durable;      ///< everything below was on disk when the header was written; at most `position`
    timestamp_ms stored;       ///< store time of its records
    std::uint32_t records_bytes = 0;
    std::uint32_t records = 0;

    friend bool operator==(const batch_header&, const batch_header&) = default;
};

using batch_header_image = std::array<char, batch_header_bytes>;

batch_header_image encode_batch_header(const batch_header& header);

/// Takes the header at log position `at` apart; `bytes` begins there. Fails with corrupt, naming the first thing wrong:
/// too short, length, magic, version, checksum, a position other than `at`, a durable position above it.
result<batch_header> decode_batch_header(std::string_view bytes, log_position at);

using filler_image = std::array<char, filler_bytes>;

/// A filler that stands for `rest_bytes` bytes, its own included.
filler_image encode_filler(std::uint32_t rest_bytes);

/// The length and magic words that every record, header and filler starts with; nullopt for less than 8 bytes.
struct item_words {
    std::uint32_t bytes = 0;
    std::uint32_t magic = 0;
};
std::optional<item_words> peek_item(std::string_view bytes);

} // namespace troupe::storage
