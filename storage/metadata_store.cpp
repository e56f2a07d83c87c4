#include "storage/metadata_store.hpp"

#include "protocol/checksum.hpp"
#include "storage/directories.hpp"
#include "storage/file_system.hpp"
#include "storage/manifest_tail.hpp"
#include "storage/metadata_format.hpp"
#include "storage/rocksdb_file_system.hpp"
#include "storage/rocksdb_support.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>
#include <shared_mutex>

namespace troupe::storage {
namespace {

constexpr std::string_view data_suffixes[] = {".sst", ".log"};
constexpr std::string_view format_value = "troupe metadata 1";
constexpr std::size_t block_cache_bytes = 1u << 20;
/// Number of the last change that is in a table, and a checksum of its digits.
constexpr std::string_view sequence_file = "sequence";
constexpr std::uint64_t reopen_bytes = 8u << 20;

bool is_storable(std::string_view name) {
    return !name.empty() && name.find(separator) == std::string_view::npos;
}

error illegal_name(std::string_view name) {
    return {errc::argument_illegal, "name of " + std::to_string(name.size()) + " bytes is empty or holds a zero byte: not stored"};
}

} // namespace

class metadata_store::implementation {
public:
    implementation(std::shared_ptr<file_system> files, std::filesystem::path directory)
        : files_{std::move(files)}, directory_{std::move(directory)}, env_{make_rocksdb_env(files_, manifest_notes::kept)} {}
    /// What stands in a table is checksummed whole; the end of a write-ahead log that was damaged looks like a torn write.
    ~implementation() {
        if (database_ && !failed_.load(std::memory_order_acquire) && database_->Flush({}).ok()) {
            note_sequence(); // without the flush the write-ahead log still has everything
        }
    }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;

    result<void> open() {
        if (auto usable = check_database_directory(*files_, directory_, data_suffixes); !usable) {
            return usable;
        }
        if (auto mended = mend(); !mended) {
            return mended;
        }
        if (auto whole = check_sequence(); !whole) {
            return whole;
        }
        if (auto opened = open_database(); !opened) {
            return opened;
        }
        if (auto ours = check_format(); !ours) {
            return ours;
        }
        note_sequence();
        return {};
    }

    /// Applies `changes` and syncs. After an earlier failure the database is brought back first.
    result<void> write(rocksdb::WriteBatch& changes) {
        if (failed_.load(std::memory_order_acquire)) {
            if (auto revived = revive(); !revived) {
                return revived;
            }
        }
        const std::shared_lock reading{database_mutex_};
        rocksdb::WriteOptions synced;
        synced.sync = true;
        const auto status = database_ ? database_->Write(synced, &changes) : rocksdb::Status::IOError("not open");
        if (!status.ok()) {
            failed_.store(true, std::memory_order_release);
            return to_error(status, "write to " + directory_.string());
        }
        return {};
    }

    /// Calls visit(key, value) for every key that begins with `prefix`, in order, until it fails.
    template <class Visit>
    result<void> scan(std::string_view prefix, Visit visit) const {
        const std::shared_lock reading{database_mutex_};
        if (!database_) {
            return error{errc::io, directory_.string() + " is not open after a failed write; the next write tries again"};
        }
        const std::unique_ptr<rocksdb::Iterator> it{database_->NewIterator({})};
        for (it->Seek(slice_of(prefix)); it->Valid() && it->key().starts_with(slice_of(prefix)); it->Next()) {
            if (result<void> visited = visit(it->key().ToStringView(), it->value().ToStringView()); !visited) {
                return visited;
            }
        }
        return it->status().ok() ? result<void>{} : to_error(it->status(), "read of " + directory_.string());
    }

    /// Collects decode(key, value) of every key of `kind`; where that gives nothing, it fails as unreadable() says.
    template <class T, class Decode>
    result<std::vector<T>> collect(char kind, Decode decode) const {
        std::vector<T> all;
        auto scanned = scan({&kind, 1}, [&](std::string_view key, std::string_view value) -> result<void> {
            auto decoded = decode(key, value);
            if (!decoded) {
                return unreadable(directory_.string(), key, value);
            }
            all.push_back(*std::move(decoded));
            return {};
        });
        if (!scanned) {
            return scanned.failure();
        }
        return all;
    }

    [[nodiscard]] std::string recovery_note() const {
        const std::shared_lock open{database_mutex_};
        return recovery_note_;
    }

private:
    /// What a power loss tore off the MANIFEST is still in the write-ahead log.
    result<void> mend() {
        auto mended = mend_manifest(*files_, directory_, "restore the directory from a copy");
        return mended ? result<void>{} : mended.failure();
    }

    /// RocksDB takes a damaged end of its file MANIFEST for one that was never written, starts with what is left, and deletes
    /// the tables that it no longer knows. So the number of its last change stands in a file of ours too, and is compared
    /// before the database is opened for writing.
    result<void> check_sequence() {
        const auto path = directory_ / sequence_file;
        auto there = files_->exists(path);
        if (!there || !*there) {
            return there ? result<void>{} : there.failure();
        }
        auto content = read_small_file(*files_, path, 64);
        if (!content) {
            return content.failure();
        }
        std::uint64_t noted = 0;
        if (std::from_chars(content->data(), content->data() + content->size(), noted).ec != std::errc{} ||
            *content != sequence_text(noted)) {
            return {}; // damaged itself: it proves nothing
        }
        rocksdb::DB* database = nullptr;
        const auto status =
            rocksdb::DB::OpenForReadOnly(small_database_options(env_.get(), block_cache_bytes), directory_.string(), &database);
        const std::unique_ptr<rocksdb::DB> owned{database};
        if (status.ok() && owned->GetLatestSequenceNumber() < noted) {
            return error{errc::corrupt, directory_.string() + ": change " + std::to_string(noted) +
                                            " was stored, but the last one there is " + std::to_string(owned->GetLatestSequenceNumber()) +
                                            ": the file MANIFEST is damaged; restore the directory from a copy, or remove " +
                                            path.string() + " to go on with what is left"};
        }
        return {}; // what else is wrong shows when it is opened for writing
    }

    static std::string sequence_text(std::uint64_t sequence) {
        const auto number = std::to_string(sequence);
        return number + ' ' + std::to_string(protocol::crc32(number)) + '\n';
    }

    /// For when everything is in tables: after a start, and at a clean close. Where it fails, the older number stays.
    void note_sequence() {
        static_cast<void>(write_durable_file(*files_, directory_ / sequence_file, sequence_text(database_->GetLatestSequenceNumber())));
    }

    result<void> open_database() {
        auto options = small_database_options(env_.get(), block_cache_bytes);
        auto opened = open_past_torn_log(options, directory_);
        if (!opened) {
            return opened.failure();
        }
        database_ = std::move(opened->database);
        recovery_note_ = std::move(opened->note);
        return {};
    }

    result<void> check_format() {
        const auto is_marked = has_format(*database_, directory_, format_value);
        if (!is_marked || *is_marked) {
            return is_marked ? result<void>{} : is_marked.failure();
        }
        rocksdb::WriteBatch mark;
        mark.Put(slice_of(format_key), slice_of(format_value)).PermitUncheckedError();
        return write(mark);
    }

    /// After a failed write RocksDB may refuse all others, and what a failed sync left behind is unknown. Opening anew reads
    /// the write-ahead log into a synced table, so that it is known again. While there is no room for that the open
    /// database stays, so that reads go on.
    result<void> revive() {
        const std::unique_lock alone{database_mutex_};
        if (!failed_.load(std::memory_order_acquire)) {
            return {};
        }
        if (auto room = check_room(); !room) {
            return room;
        }
        database_.reset();
        if (auto mended = mend(); !mended) {
            return mended;
        }
        if (auto opened = open_database(); !opened) {
            return opened;
        }
        failed_.store(false, std::memory_order_release);
        return {};
    }

    /// Whether the memory table and RocksDB's own files would fit.
    result<void> check_room() {
        const auto probe = directory_ / "room";
        auto opened = files_->open(probe, open_mode::open_or_create);
        if (!opened) {
            return opened.failure();
        }
        auto room = (*opened)->allocate(reopen_bytes);
        opened->reset();
        auto removed = files_->remove(probe);
        return room ? removed : room;
    }

    std::shared_ptr<file_system> files_;
    std::filesystem::path directory_;
    std::unique_ptr<rocksdb::Env> env_;
    mutable std::shared_mutex database_mutex_; ///< exclusive only while the database is opened anew
    std::unique_ptr<rocksdb::DB> database_;
    std::atomic<bool> failed_ = false;
    std::string recovery_note_;
};

metadata_store::metadata_store(std::unique_ptr<implementation> made) : implementation_{std::move(made)} {}
metadata_store::~metadata_store() = default;

result<std::unique_ptr<metadata_store>> metadata_store::open(std::shared_ptr<file_system> files, const std::filesystem::path& directory) {
    auto made = std::make_unique<implementation>(std::move(files), directory);
    if (auto opened = made->open(); !opened) {
        return opened.failure();
    }
    return std::unique_ptr<metadata_store>{new metadata_store{std::move(made)}};
}

result<void> metadata_store::put_topic(const topic_config& topic) {
    if (!is_storable(topic.name)) {
        return illegal_name(topic.name);
    }
    rocksdb::WriteBatch changes;
    changes.Put(key_of(topic_kind, topic.name), encode(topic)).PermitUncheckedError();
    changes.Delete(key_of(deleted_kind, topic.name)).PermitUncheckedError();
    return implementation_->write(changes);
}

result<void> metadata_store::remove_topic(std::string_view topic) {
    if (!is_storable(topic)) {
        return illegal_name(topic);
    }
    rocksdb::WriteBatch changes;
    changes.Delete(key_of(topic_kind, topic)).PermitUncheckedError();
    changes.Put(key_of(deleted_kind, topic), encode_deleted()).PermitUncheckedError();
    changes.DeleteRange(offsets_of(topic), offsets_of(topic, separator + 1)).PermitUncheckedError();
    changes.DeleteRange(modes_of(topic), modes_of(topic, separator + 1)).PermitUncheckedError();
    return implementation_->write(changes);
}

result<void> metadata_store::forget_deleted(std::string_view topic) {
    if (!is_storable(topic)) {
        return illegal_name(topic);
    }
    rocksdb::WriteBatch changes;
    changes.Delete(key_of(deleted_kind, topic)).PermitUncheckedError();
    return implementation_->write(changes);
}

result<std::vector<std::string>> metadata_store::deleted_topics() const {
    return implementation_->collect<std::string>(deleted_kind, decode_deleted);
}

result<std::vector<topic_config>> metadata_store::topics() const {
    return implementation_->collect<topic_config>(
        topic_kind, [](std::string_view key, std::string_view value) { return decode_topic(key.substr(1), value); });
}

result<void> metadata_store::put_group(const group_config& group) {
    if (!is_storable(group.name)) {
        return illegal_name(group.name);
    }
    rocksdb::WriteBatch changes;
    changes.Put(key_of(group_kind, group.name), encode(group)).PermitUncheckedError();
    return implementation_->write(changes);
}

result<void> metadata_store::remove_group(std::string_view group, bool with_offsets) {
    if (!is_storable(group)) {
        return illegal_name(group);
    }
    rocksdb::WriteBatch changes;
    changes.Delete(key_of(group_kind, group)).PermitUncheckedError();
    auto set = modes();
    if (!set) {
        return set.failure();
    }
    for (const auto& mode : *set) {
        if (mode.group == group) {
            changes.Delete(key_of(mode)).PermitUncheckedError();
        }
    }
    if (with_offsets) {
        auto scanned = implementation_->scan({&offset_kind, 1}, [&](std::string_view key, std::string_view /*value*/) -> result<void> {
            if (const auto of = progress_key_of(key); of && of->group == group) {
                changes.Delete(rocksdb::Slice{key.data(), key.size()}).PermitUncheckedError();
            }
            return {};
        });
        if (!scanned) {
            return scanned;
        }
    }
    return implementation_->write(changes);
}

result<std::vector<group_config>> metadata_store::groups() const {
    return implementation_->collect<group_config>(
        group_kind, [](std::string_view key, std::string_view value) { return decode_group(key.substr(1), value); });
}

result<void> metadata_store::put_mode(const request_mode& mode) {
    if (!is_storable(mode.topic) || !is_storable(mode.group)) {
        return illegal_name(is_storable(mode.topic) ? mode.group : mode.topic);
    }
    rocksdb::WriteBatch changes;
    changes.Put(key_of(mode), encode(mode)).PermitUncheckedError();
    return implementation_->write(changes);
}

result<std::vector<request_mode>> metadata_store::modes() const {
    return implementation_->collect<request_mode>(mode_kind, decode_mode);
}

result<void> metadata_store::commit(std::span<const std::pair<progress_key, queue_offset>> offsets, std::span<const group_sign> signs) {
    if (offsets.empty() && signs.empty()) {
        return {};
    }
    rocksdb::WriteBatch changes;
    for (const auto& [key, offset] : offsets) {
        if (!is_storable(key.group) || !is_storable(key.queue.topic)) {
            return illegal_name(is_storable(key.group) ? key.queue.topic : key.group);
        }
        changes.Put(key_of(key), encode(offset)).PermitUncheckedError();
    }
    for (const auto& [group, seen] : signs) {
        if (!is_storable(group)) {
            return illegal_name(group);
        }
        const auto key = key_of(seen_kind, group);
        (seen ? changes.Put(key, encode(*seen)) : changes.Delete(key)).PermitUncheckedError();
    }
    return implementation_->write(changes);
}

result<void> metadata_store::remove_offsets(std::span<const progress_key> offsets, std::span<const std::string> groups) {
    rocksdb::WriteBatch changes;
    for (const auto& key : offsets) {
        changes.Delete(key_of(key)).PermitUncheckedError();
    }
    for (const auto& group : groups) {
        changes.Delete(key_of(seen_kind, group)).PermitUncheckedError();
    }
    return implementation_->write(changes);
}

result<std::vector<std::pair<std::string, timestamp_ms>>> metadata_store::last_seen() const {
    return implementation_->collect<std::pair<std::string, timestamp_ms>>(seen_kind, decode_seen);
}

result<std::vector<std::pair<progress_key, queue_offset>>> metadata_store::offsets() const {
    return implementation_->collect<std::pair<progress_key, queue_offset>>(offset_kind, decode_offset);
}

std::string metadata_store::recovery_note() const {
    return implementation_->recovery_note();
}

} // namespace troupe::storage
