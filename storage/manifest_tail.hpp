#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::storage {

class file_system;

/// Tells the end of a RocksDB MANIFEST that a power loss tore from damage. RocksDB takes some torn ends for damage and does not open, and
/// takes some damage for a torn end, opens without the tables named there, and deletes them. From the bytes alone nobody can tell the two
/// apart; so after each sync of a MANIFEST, and before RocksDB goes on, a note of its length is stored beside it
/// (docs/formats/manifest_note.md). What lies behind that length was not synced, and RocksDB removes nothing (no write-ahead log, no table)
/// before its MANIFEST is: the state before it is whole, and the write-ahead log, or for the timers the log of the broker, has the rest.
///
/// Source: RocksDB's log format, github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format: blocks of 32 KiB of records, each with
/// CRC-32C 4 (masked), length 2, type 1 (whole, first, middle, last part), all little-endian.

/// Name of the file with the note.
inline constexpr std::string_view manifest_note_file = "synced_manifest";

/// So many bytes of that MANIFEST are synced.
struct manifest_note {
    std::string manifest; ///< name of the file
    std::uint64_t bytes = 0;
    friend bool operator==(const manifest_note&, const manifest_note&) = default;
};
[[nodiscard]] std::string encode(const manifest_note& note);
/// None: it is no note, or a damaged one.
[[nodiscard]] std::optional<manifest_note> decode_manifest_note(std::string_view text);

/// Just behind the last record of a MANIFEST with these bytes in front of which all are whole, and there in all their parts.
[[nodiscard]] std::uint64_t whole_bytes_of_manifest(std::string_view bytes);

/// Stores the note. Fails as write_durable_file; the older note then stays, and proves less.
result<void> note_synced_manifest(file_system& files, const std::filesystem::path& manifest, std::uint64_t bytes);

/// To be called before RocksDB opens `database`: cuts a torn end off its MANIFEST, durably. True: there was one. A directory without a
/// database is left alone. Fails with corrupt when there is damage, and changes nothing then: below what the note says is synced, or
/// anywhere when there is no note of this MANIFEST. The text says at which byte, and ends with `fix`. Fails with locked (RocksDB has it
/// open), io, disk_full.
result<bool> mend_manifest(file_system& files, const std::filesystem::path& database, std::string_view fix);

} // namespace troupe::storage
