#include "storage/rocksdb_support.hpp"

#include "storage/directories.hpp"
#include "storage/file_system.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <memory>

namespace troupe::storage {
namespace {

/// RocksDB would poll a full disk from a thread of its own; we decide when to write again.
class no_auto_recovery final : public rocksdb::EventListener {
public:
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*failure*/, bool* auto_recovery) override {
        *auto_recovery = false;
    }
};

} // namespace

rocksdb::Options small_database_options(rocksdb::Env* env, std::size_t block_cache_bytes) {
    rocksdb::Options options;
    options.env = env;
    options.create_if_missing = true;
    options.write_buffer_size = 4u << 20;
    options.max_write_buffer_number = 3;
    options.arena_block_size = 64u << 10;
    options.max_background_jobs = 2;
    options.max_open_files = 256;
    options.max_file_opening_threads = 1;
    options.skip_stats_update_on_db_open = true;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    options.keep_log_file_num = 1;
    options.max_manifest_file_size = 4u << 20;
    options.target_file_size_base = 16u << 20;
    options.max_bytes_for_level_base = 64u << 20;
    options.compression = rocksdb::kNoCompression;
    options.allow_mmap_reads = false;
    options.use_fsync = false;
    options.max_bgerror_resume_count = 0;
    options.listeners.push_back(std::make_shared<no_auto_recovery>());
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(block_cache_bytes, 2);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.cache_index_and_filter_blocks = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    env->NewLogger("", &options.info_log).PermitUncheckedError();
    return options;
}

result<opened_database> open_past_torn_log(rocksdb::Options options, const std::filesystem::path& directory) {
    // First strictly, so that a damaged log is noticed; then taking what can be read. The mode that tolerates a corrupted tail is not strict:
    // a damaged length that leads behind the end of the file is its tail for it, whatever comes after.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
    rocksdb::DB* database = nullptr;
    std::string note;
    auto status = rocksdb::DB::Open(options, directory.string(), &database);
    if (status.IsCorruption()) {
        note = directory.string() + ": the write-ahead log ends in bytes that are no record, they were dropped (" + status.ToString() + ")";
        options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
        status = rocksdb::DB::Open(options, directory.string(), &database);
    }
    if (!status.ok()) {
        return to_error(status, "open of " + directory.string());
    }
    return opened_database{std::unique_ptr<rocksdb::DB>{database}, std::move(note)};
}

error to_error(const rocksdb::Status& status, std::string_view what) {
    const auto text = std::string{what} + ": " + status.ToString();
    if (status.IsNoSpace()) {
        return {errc::disk_full, text};
    }
    if (status.IsCorruption() || status.IsInvalidArgument()) { // the latter: a database made by somebody else
        return {errc::corrupt, text};
    }
    if (status.IsNotFound() || status.IsPathNotFound()) {
        return {errc::not_found, text};
    }
    if (status.IsBusy()) {
        return {errc::locked, text};
    }
    return {errc::io, text};
}

result<void> check_database_directory(file_system& files, const std::filesystem::path& directory, std::span<const std::string_view> data) {
    if (auto made = make_durable_directories(files, directory); !made) {
        return made;
    }
    auto entries = files.list(directory);
    if (!entries) {
        return entries.failure();
    }
    const auto has = [&](auto test) { return std::any_of(entries->begin(), entries->end(), test); };
    const auto is_data = [&](const auto& entry) {
        return std::any_of(data.begin(), data.end(), [&](std::string_view suffix) { return entry.name.ends_with(suffix); });
    };
    if (!has([](const auto& entry) { return entry.name == "CURRENT"; }) && has(is_data)) {
        return error{errc::corrupt, directory.string() + ": data is there, but the file CURRENT is missing; restore it from a copy"};
    }
    return {};
}

result<bool> has_format(rocksdb::DB& database, const std::filesystem::path& directory, std::string_view format) {
    std::string stored;
    const auto status = database.Get({}, slice_of(format_key), &stored);
    if (status.ok()) {
        return stored == format
                   ? result<bool>{true}
                   : error{errc::format_unknown, directory.string() + " holds \"" + shown(stored) + "\", this program reads \"" +
                                                     std::string{format} + "\"; use the version that wrote it"};
    }
    if (!status.IsNotFound()) {
        return to_error(status, "read of " + directory.string());
    }
    const std::unique_ptr<rocksdb::Iterator> it{database.NewIterator({})};
    it->SeekToFirst();
    if (it->Valid()) {
        return error{errc::format_unknown, directory.string() + " is a RocksDB database, but not ours; name another directory"};
    }
    return false;
}

std::string shown(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        out.push_back(c >= ' ' && c <= '~' ? c : '.');
    }
    return out;
}

} // namespace troupe::storage
