#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "storage/message_store.hpp"
#include "storage/store_options.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

/// How a store is opened: whose directory it is, and how index and log are brought together.
namespace troupe::storage {

class commit_log;
class file_lock;
class file_system;
class log_index;

/// Names inside a store directory.
namespace store_names {
inline constexpr std::string_view lock = "lock";
inline constexpr std::string_view format = "format";
inline constexpr std::string_view commit_log = "commitlog";
inline constexpr std::string_view index = "index";
inline constexpr std::string_view metadata = "metadata";
/// Its presence makes the next start rebuild the index: it was found damaged while in use.
inline constexpr std::string_view rebuild_index = "rebuild-index";
} // namespace store_names

/// Content of the file `format`: magic and version of the whole directory.
inline constexpr std::string_view store_format = "troupe store 1\n";

/// Takes the directory for this process: locks it, checks or writes the file `format`. Fails with locked, and with
/// format_unknown for a directory that holds something else or another version.
result<std::unique_ptr<file_lock>> claim_directory(file_system& files, const std::filesystem::path& directory);

/// Asks the next start to rebuild the index.
result<void> request_index_rebuild(file_system& files, const std::filesystem::path& directory);

struct recovered_store {
    std::unique_ptr<commit_log> log;
    std::unique_ptr<log_index> index;
    recovery_report report;
    timestamp_ms last_stored; ///< no record in the log is younger; 0 when not known
};

/// Opens index and log of a claimed directory, replays the log from the index's checkpoint, cuts a torn tail. An index that
/// is missing, broken or at odds with the log is rebuilt from the whole log. Fails with corrupt when durable log is missing,
/// format_unknown, io, disk_full.
result<recovered_store> recover_store(const std::shared_ptr<file_system>& files, const store_options& options);

} // namespace troupe::storage
