#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::storage {

/// What a file is opened for.
enum class open_mode : std::uint8_t {
    read,       ///< must exist
    read_write, ///< must exist
    create,     ///< must not exist; read and write
    open_or_create,
};

/// An open file. Positions are absolute; there is no cursor.
///
/// Threads  read_at may be called from any thread at any time; everything else from one thread at a time.
/// Fails    with result<>, never throws: io (with path, call, errno text), disk_full for ENOSPC and EDQUOT,
///          not_found, already_exists. Calls repeat EINTR and short transfers themselves.
class file {
public:
    virtual ~file() = default;

    /// Reads up to out.size() bytes at `offset`; fewer only at the end of the file. Returns the number read.
    [[nodiscard]] virtual result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const = 0;
    /// Writes all parts, one after the other, starting at `offset`, extending the file if need be. After a failure any
    /// part of the range may hold old or new bytes.
    [[nodiscard]] virtual result<void> write_at(std::uint64_t offset, std::span<const std::string_view> parts) = 0;
    /// Returns after data (and the size needed to read it) is on disk. After a failure nothing unsynced is known.
    [[nodiscard]] virtual result<void> sync() = 0;
    /// Reserves disk space for [0, bytes) and makes the file at least that long; new bytes read as zero.
    [[nodiscard]] virtual result<void> allocate(std::uint64_t bytes) = 0;
    [[nodiscard]] virtual result<void> truncate(std::uint64_t bytes) = 0;
    [[nodiscard]] virtual result<std::uint64_t> size() const = 0;
    /// The first offset at or after `offset` that may hold something other than zeros; size() when the rest is known to
    /// be zero. Lets a reader pass over reserved space; an implementation that does not know returns `offset`.
    [[nodiscard]] virtual result<std::uint64_t> next_data(std::uint64_t offset) const { return offset; }
    /// A hint that [offset, offset + bytes) will not be read again soon (0 bytes: to the end).
    virtual void drop_cache(std::uint64_t offset, std::uint64_t bytes) const = 0;
};

/// Room on the disk that holds a path. As `df` counts: what the file system keeps for root is neither used nor free.
struct disk_space {
    std::uint64_t total_bytes = 0; ///< used by anybody, or free
    std::uint64_t free_bytes = 0;  ///< what this user may still write

    /// 0 to 1; 0 where the total is not known.
    [[nodiscard]] double used_ratio() const noexcept {
        return total_bytes == 0 ? 0 : 1.0 - static_cast<double>(free_bytes) / static_cast<double>(total_bytes);
    }
};

/// Holds a lock file until destroyed.
class file_lock {
public:
    virtual ~file_lock() = default;
};

/// One entry of a directory.
struct directory_entry {
    std::string name;
    std::uint64_t bytes = 0;
    bool is_directory = false;
};

/// All access to files, so that tests can forget unsynced data, tear writes and fail any call. RocksDB goes through
/// it too (`storage/rocksdb_file_system.hpp`).
///
/// Threads  safe from any thread.
class file_system {
public:
    virtual ~file_system() = default;

    [[nodiscard]] virtual result<std::unique_ptr<file>> open(const std::filesystem::path& path, open_mode mode) = 0;
    [[nodiscard]] virtual result<std::vector<directory_entry>> list(const std::filesystem::path& directory) = 0;
    [[nodiscard]] virtual result<bool> exists(const std::filesystem::path& path) = 0;
    /// Creates the directory and its parents; success if it is there already.
    [[nodiscard]] virtual result<void> make_directories(const std::filesystem::path& directory) = 0;
    /// Removes one file, or one empty directory.
    [[nodiscard]] virtual result<void> remove(const std::filesystem::path& path) = 0;
    /// Replaces `to` in one step.
    [[nodiscard]] virtual result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
    /// Makes creations, removals and renames in `directory` survive power loss.
    [[nodiscard]] virtual result<void> sync_directory(const std::filesystem::path& directory) = 0;
    [[nodiscard]] virtual result<disk_space> space(const std::filesystem::path& path) = 0;
    /// Fails with `locked` if any process, this one included, holds it.
    [[nodiscard]] virtual result<std::unique_ptr<file_lock>> lock(const std::filesystem::path& path) = 0;
};

/// The operating system's files: pwritev, fdatasync, fallocate, flock. One instance for the process; never null.
std::shared_ptr<file_system> posix_file_system();

} // namespace troupe::storage
