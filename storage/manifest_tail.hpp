#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::storage {

class file_system;

/// RocksDB refuses to open a database whose file MANIFEST ends in a record that a power loss tore: it takes the record for damage. What
/// was torn was not synced, and RocksDB changes nothing before its MANIFEST is; so the state before that record is whole, and for a
/// database that can be brought forward from the log as good as any.
///
/// Source: RocksDB's log format, github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format: blocks of 32 KiB of records, each with
/// CRC-32C 4 (masked), length 2, type 1 (whole, first, middle, last part), all little-endian.

/// Where the torn end of a MANIFEST with these bytes begins. None: every record is whole, or there are whole ones in blocks behind the
/// first that is not, which is damage and no torn end.
[[nodiscard]] std::optional<std::uint64_t> torn_end_of_manifest(std::string_view bytes);

/// Cuts it off, durably. False: there is none. Fails with io, disk_full, not_found (no CURRENT), corrupt (it names no MANIFEST).
result<bool> cut_torn_manifest(file_system& files, const std::filesystem::path& database);

} // namespace troupe::storage
