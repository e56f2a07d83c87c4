#pragma once

#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/result.hpp"

#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rocksdb {
class DB;
}

/// What our databases share. Included by sources of `storage/` only: it names RocksDB types.
namespace troupe::storage {

class file_system;

/// The key under which each database says what it holds, and in which version.
inline constexpr std::string_view format_key = "!format";

inline rocksdb::Slice slice_of(std::string_view text) {
    return {text.data(), text.size()};
}

/// Settings for a small database: few threads, little memory, no log file, no statistics. `env` must outlive the database.
rocksdb::Options small_database_options(rocksdb::Env* env, std::size_t block_cache_bytes);

struct opened_database {
    std::unique_ptr<rocksdb::DB> database;
    std::string note; ///< what was dropped; empty: nothing
};
/// Opens a database whose write-ahead log is synced. A log that ends in bytes that are no record (a power loss) is read up to them, and
/// the note says so. Fails as to_error says.
result<opened_database> open_past_torn_log(rocksdb::Options options, const std::filesystem::path& directory);

/// disk_full, corrupt, locked, not_found or io; the text is "`what`: RocksDB's words".
error to_error(const rocksdb::Status& status, std::string_view what);

/// Makes the directory, and refuses one that has files with one of the `data` suffixes but no CURRENT, as corrupt: RocksDB would start
/// an empty database there, and what it held would be forgotten.
result<void> check_database_directory(file_system& files, const std::filesystem::path& directory, std::span<const std::string_view> data);

/// Whether the database says that it is of `format`; false: it is empty, and the caller marks it. Fails with format_unknown for any other.
result<bool> has_format(rocksdb::DB& database, const std::filesystem::path& directory, std::string_view format);

/// Printable form of stored bytes, for error texts.
std::string shown(std::string_view bytes);

/// Takes numbers and texts off the front of a stored key or value. Unlike troupe::byte_reader it is asked once, at the end,
/// whether everything was there: what it gives after the first miss is zero or empty.
class value_reader {
public:
    explicit value_reader(std::string_view bytes) : rest_{bytes} {}

    template <class Number>
    Number number() {
        const auto bytes = text(sizeof(Number));
        return bytes.empty() ? Number{0} : load_be<Number>(bytes.data());
    }
    /// The next `bytes` bytes; empty when there are fewer.
    std::string_view text(std::size_t bytes) {
        if (bytes > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const auto front = rest_.substr(0, bytes);
        rest_.remove_prefix(bytes);
        return front;
    }
    [[nodiscard]] std::string_view rest() const { return rest_; }
    [[nodiscard]] bool ok() const { return ok_; }
    /// Everything was there, and nothing is left over.
    [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool ok_ = true;
};

} // namespace troupe::storage
