#include "storage/timer_store.hpp"

#include "storage/directories.hpp"
#include "storage/file_system.hpp"
#include "storage/key_index.hpp"
#include "storage/manifest_tail.hpp"
#include "storage/rocksdb_file_system.hpp"
#include "storage/rocksdb_support.hpp"
#include "storage/timer_format.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

namespace troupe::storage {
namespace {

// Keys and values: docs/formats/timers.md.
constexpr std::string_view data_suffixes[] = {".sst", ".blob"};
constexpr std::string_view format_value = "troupe timers 1";
constexpr std::string_view state_key = "!state";
constexpr std::uint64_t room_bytes = 16u << 20; // for a memory table and RocksDB's own files
// Records of this size stand beside the tables, so that sorting the tables does not write them again and again.
constexpr std::uint64_t separate_bytes = 256;

} // namespace

std::uint64_t timer_name_hash(std::string_view topic, std::string_view unique_key) {
    return key_hash(topic, unique_key);
}

class timer_store::implementation {
public:
    implementation(std::shared_ptr<file_system> files, std::filesystem::path directory, timer_store_options options)
        : files_{std::move(files)},
          directory_{std::move(directory)},
          options_{options},
          env_{make_rocksdb_env(files_, manifest_notes::kept)} {}

    result<void> open() {
        if (auto usable = check_database_directory(*files_, directory_, data_suffixes); !usable) {
            return usable;
        }
        if (auto mended = mend_manifest(*files_, directory_, "restore the directory and the log from a copy"); !mended) {
            return mended.failure();
        }
        rocksdb::DB* database = nullptr;
        const auto status = rocksdb::DB::Open(database_options(), directory_.string(), &database);
        if (!status.ok()) {
            return to_error(status, "open of " + directory_.string());
        }
        database_.reset(database);
        failed_ = false;
        if (auto ours = check_format(); !ours) {
            return ours;
        }
        return load_state();
    }

    result<void> reopen() {
        if (auto room = check_room(); !room) {
            return room;
        }
        failed_ = true;
        database_.reset();
        auto opened = open();
        failed_ = !opened.ok();
        return opened;
    }

    result<void> change(const timer_changes& changes) {
        if (auto usable = check_usable(); !usable) {
            return usable;
        }
        if (auto room = check_room(); !room) {
            return room;
        }
        auto after = state_;
        after.progress = changes.after;
        after.pending += changes.add.size();
        after.pending -= std::min<std::uint64_t>(changes.remove.size() + changes.lost.size(), after.pending);
        rocksdb::WriteBatch batch;
        std::string value;
        for (const auto& timer : changes.add) {
            value.clear();
            append_timer_value(value, timer);
            batch.Put(timer_row_key(timer.key), value).PermitUncheckedError();
            batch.Put(timer_name_row_key(timer.name_hash, timer.key), {}).PermitUncheckedError();
            after.lowest = std::min(after.lowest, timer.key);
        }
        for (const auto& [key, hash] : changes.remove) {
            batch.Delete(timer_row_key(key)).PermitUncheckedError();
            batch.Delete(timer_name_row_key(hash, key)).PermitUncheckedError();
        }
        for (const auto& key : changes.lost) {
            batch.Delete(timer_row_key(key)).PermitUncheckedError();
        }
        batch.Put(slice_of(state_key), encode(after)).PermitUncheckedError();
        rocksdb::WriteOptions unlogged;
        unlogged.disableWAL = true;
        if (auto written = noted(database_->Write(unlogged, &batch), "write to "); !written) {
            return written;
        }
        state_ = after;
        return {};
    }

    result<timers_read> read(const timer_key& from, timestamp_ms due_by, timer_read_limits limits) {
        if (auto usable = check_usable(); !usable) {
            return usable.failure();
        }
        timers_read found;
        std::size_t bytes = 0;
        const std::unique_ptr<rocksdb::Iterator> it{database_->NewIterator({})};
        it->Seek(timer_row_key(std::max(from, state_.lowest)));
        if (from <= state_.lowest && it->status().ok()) {
            // What was delivered lies below as RocksDB's marks of it, which are slow to walk over.
            const auto first = it->Valid() ? timer_of_row(it->key().ToStringView()) : std::nullopt;
            state_.lowest = first.value_or(no_timer_key);
        }
        for (; it->Valid(); it->Next()) {
            const auto key = timer_of_row(it->key().ToStringView());
            if (!key) {
                break;
            }
            const auto value = it->value().ToStringView();
            const bool is_full = static_cast<std::int32_t>(found.timers.size()) >= limits.timers_max ||
                                 (!found.timers.empty() && bytes + value.size() > limits.bytes_max);
            if (key->due > due_by || is_full) {
                found.next = *key;
                break;
            }
            auto timer = decode(*key, value);
            if (!timer) {
                return read_around_damage(from, due_by, limits);
            }
            bytes += value.size();
            found.timers.push_back(*std::move(timer));
        }
        if (it->status().IsCorruption()) {
            return read_around_damage(from, due_by, limits);
        }
        if (!it->status().ok()) {
            return noted(it->status(), "read of ").failure();
        }
        return found;
    }

    result<stored_timer> get(const timer_key& key) {
        if (auto usable = check_usable(); !usable) {
            return usable.failure();
        }
        std::string value;
        const auto status = database_->Get({}, timer_row_key(key), &value);
        if (status.IsNotFound()) {
            return error{errc::message_not_found,
                         "no timer is due at " + to_string(key.due) + " that was stored at log position " + to_string(key.position)};
        }
        if (status.IsCorruption()) { // of this timer, most likely: the others are as good as before
            return to_error(status, "read of the timer due at " + to_string(key.due) + " in " + directory_.string());
        }
        if (!status.ok()) {
            return noted(status, "read of ").failure();
        }
        return decode(key, value);
    }

    result<std::vector<timer_key>> find(std::uint64_t hash, std::size_t max) {
        if (auto usable = check_usable(); !usable) {
            return usable.failure();
        }
        std::vector<timer_key> keys;
        const auto prefix = timer_name_prefix(hash);
        const std::unique_ptr<rocksdb::Iterator> it{database_->NewIterator({})};
        for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix) && keys.size() < max; it->Next()) {
            const auto key = timer_of_name_row(it->key().ToStringView());
            if (!key) {
                return senseless("a name of a timer");
            }
            keys.push_back(*key);
        }
        if (!it->status().ok()) {
            return noted(it->status(), "read of ").failure();
        }
        return keys;
    }

    result<void> flush(bool wait) {
        if (auto usable = check_usable(); !usable) {
            return usable;
        }
        if (auto room = check_room(); !room) {
            return room;
        }
        rocksdb::FlushOptions how;
        how.wait = wait;
        how.allow_write_stall = true; // waiting for a stall to pass could take for ever
        return noted(database_->Flush(how), "flush of ");
    }

    result<bool> is_flushed() {
        if (auto usable = check_usable(); !usable) {
            return usable.failure();
        }
        const auto number = [this](const std::string& property) {
            std::uint64_t value = 0;
            return database_->GetIntProperty(property, &value) ? value : 0;
        };
        // A failed flush leaves its table where it is, and says so only to the next write.
        if (number(rocksdb::DB::Properties::kBackgroundErrors) > 0) {
            return noted(rocksdb::Status::IOError("a write in the background failed"), "flush of ").failure();
        }
        return number(rocksdb::DB::Properties::kNumImmutableMemTable) == 0;
    }

    [[nodiscard]] std::uint64_t bytes() const {
        if (!database_) {
            return 0;
        }
        std::uint64_t total = 0;
        for (const auto& property : {rocksdb::DB::Properties::kTotalSstFilesSize, rocksdb::DB::Properties::kTotalBlobFileSize,
                                     rocksdb::DB::Properties::kCurSizeAllMemTables}) {
            std::uint64_t part = 0;
            total += database_->GetIntProperty(property, &part) ? part : 0;
        }
        return total;
    }

    [[nodiscard]] const timer_store_state& state() const { return state_; }

private:
    [[nodiscard]] rocksdb::Options database_options() const {
        auto options = small_database_options(env_.get(), options_.block_cache_bytes);
        options.write_buffer_size = options_.memory_bytes;
        options.avoid_flush_during_shutdown = true; // flush() decides what is durable
        options.max_bytes_for_level_base = 32u << 20;
        options.enable_blob_files = true;
        options.min_blob_size = separate_bytes;
        options.blob_file_size = 64u << 20;
        options.enable_blob_garbage_collection = true;
        options.blob_garbage_collection_age_cutoff = 0.5;
        options.blob_garbage_collection_force_threshold = 0.5;
        // Tables that are mostly marks of what was delivered are sorted away, and the records that they named with them.
        options.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512, 0.5));
        return options;
    }

    /// Reads like read(), each timer for itself: an iterator stops for good at the first whose record is damaged. Its checks are off
    /// only to come by the keys; what is returned was checked.
    result<timers_read> read_around_damage(const timer_key& from, timestamp_ms due_by, timer_read_limits limits) {
        timers_read found;
        std::size_t bytes = 0;
        rocksdb::ReadOptions unchecked;
        unchecked.verify_checksums = false;
        unchecked.fill_cache = false;
        const std::unique_ptr<rocksdb::Iterator> it{database_->NewIterator(unchecked)};
        for (it->Seek(timer_row_key(std::max(from, state_.lowest))); it->Valid(); it->Next()) {
            const auto key = timer_of_row(it->key().ToStringView());
            if (!key) {
                break;
            }
            const auto count = found.timers.size() + found.damaged.size();
            if (key->due > due_by || static_cast<std::int32_t>(count) >= limits.timers_max || (count > 0 && bytes >= limits.bytes_max)) {
                found.next = *key;
                break;
            }
            auto timer = get(*key);
            if (timer) {
                bytes += timer->record.size();
                found.timers.push_back(*std::move(timer));
            } else if (timer.code() == errc::corrupt) {
                found.damaged.push_back(*key);
            } else if (timer.code() != errc::message_not_found) {
                return timer.failure();
            }
        }
        if (!it->status().ok()) {
            return noted(it->status(), "read of ").failure();
        }
        return found;
    }

    result<void> check_format() {
        const auto is_marked = has_format(*database_, directory_, format_value);
        if (!is_marked || *is_marked) {
            return is_marked ? result<void>{} : is_marked.failure();
        }
        rocksdb::WriteBatch mark;
        mark.Put(slice_of(format_key), slice_of(format_value)).PermitUncheckedError();
        rocksdb::WriteOptions unlogged;
        unlogged.disableWAL = true;
        return noted(database_->Write(unlogged, &mark), "write to ");
    }

    result<void> load_state() {
        state_ = {};
        std::string stored;
        const auto status = database_->Get({}, slice_of(state_key), &stored);
        if (status.IsNotFound()) {
            return {};
        }
        if (!status.ok()) {
            return to_error(status, "read of " + directory_.string());
        }
        const auto decoded = decode_timer_state(stored);
        if (!decoded) {
            return senseless("the state of the timers");
        }
        state_ = *decoded;
        return {};
    }

    [[nodiscard]] result<void> check_usable() const {
        if (failed_ || !database_) {
            return error{errc::io, directory_.string() + " failed, and is opened again soon"};
        }
        return {};
    }

    /// RocksDB is kept from meeting a full disk: how it recovers from one cannot be relied on (see index_database).
    [[nodiscard]] result<void> check_room() const {
        auto space = files_->space(directory_);
        if (!space) {
            return space.failure();
        }
        if (space->free_bytes < room_bytes) {
            return error{errc::disk_full, directory_.string() + ": less than " + std::to_string(room_bytes) +
                                              " bytes are free on the disk, timers wait in the log"};
        }
        return {};
    }

    result<void> noted(const rocksdb::Status& status, std::string_view what) {
        if (status.ok()) {
            return {};
        }
        failed_ = true;
        return to_error(status, std::string{what} + directory_.string());
    }

    [[nodiscard]] error senseless(std::string_view what) const {
        return {errc::corrupt,
                directory_.string() + ": " + std::string{what} + " makes no sense; restore the directory and the log from a copy"};
    }

    [[nodiscard]] result<stored_timer> decode(const timer_key& key, std::string_view value) const {
        auto timer = decode_timer(key, value);
        if (!timer) {
            return senseless("the timer due at " + to_string(key.due));
        }
        return *std::move(timer);
    }

    std::shared_ptr<file_system> files_;
    std::filesystem::path directory_;
    timer_store_options options_;
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<rocksdb::DB> database_;
    timer_store_state state_;
    bool failed_ = false;
};

timer_store::timer_store(std::unique_ptr<implementation> made) : implementation_{std::move(made)} {}
timer_store::~timer_store() = default;

result<std::unique_ptr<timer_store>> timer_store::open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                       timer_store_options options) {
    auto made = std::make_unique<implementation>(std::move(files), directory, options);
    if (auto opened = made->open(); !opened) {
        return opened.failure();
    }
    return std::unique_ptr<timer_store>{new timer_store{std::move(made)}};
}

result<void> timer_store::change(const timer_changes& changes) {
    return implementation_->change(changes);
}

result<timers_read> timer_store::read(const timer_key& from, timestamp_ms due_by, timer_read_limits limits) const {
    return implementation_->read(from, due_by, limits);
}

result<stored_timer> timer_store::get(const timer_key& key) const {
    return implementation_->get(key);
}

result<std::vector<timer_key>> timer_store::find(std::uint64_t name_hash, std::size_t max) const {
    return implementation_->find(name_hash, max);
}

result<void> timer_store::flush(bool wait) {
    return implementation_->flush(wait);
}

result<bool> timer_store::is_flushed() {
    return implementation_->is_flushed();
}

result<void> timer_store::reopen() {
    return implementation_->reopen();
}

const timer_progress& timer_store::progress() const {
    return implementation_->state().progress;
}

std::uint64_t timer_store::pending() const {
    return implementation_->state().pending;
}

timer_key timer_store::lowest() const {
    return implementation_->state().lowest;
}

std::uint64_t timer_store::bytes() const {
    return implementation_->bytes();
}

} // namespace troupe::storage
