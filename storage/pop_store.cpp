#include "storage/pop_store.hpp"

#include "storage/file_system.hpp"
#include "storage/manifest_tail.hpp"
#include "storage/pop_format.hpp"
#include "storage/rocksdb_file_system.hpp"
#include "storage/rocksdb_support.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

namespace troupe::storage {
namespace {

constexpr std::string_view data_suffixes[] = {".sst", ".log"};
constexpr std::string_view format_value = "troupe pop 1";
constexpr std::uint64_t room_bytes = 16u << 20; // for a memory table and RocksDB's own files

bool is_storable(const progress_key& key) {
    const auto is_name = [](std::string_view name) { return !name.empty() && name.find('\0') == std::string_view::npos; };
    return is_name(key.group) && is_name(key.queue.topic) && key.queue.queue.value() >= 0;
}

} // namespace

class pop_store::implementation {
public:
    implementation(std::shared_ptr<file_system> files, std::filesystem::path directory, pop_store_options options)
        : files_{std::move(files)},
          directory_{std::move(directory)},
          options_{options},
          env_{make_rocksdb_env(files_, manifest_notes::kept)} {}

    result<void> open() {
        if (auto usable = check_database_directory(*files_, directory_, data_suffixes); !usable) {
            return usable;
        }
        if (auto opened = open_database(); !opened) {
            return opened;
        }
        failed_ = false;
        const auto is_marked = has_format(*database_, directory_, format_value);
        if (!is_marked || *is_marked) {
            return is_marked ? result<void>{} : is_marked.failure();
        }
        rocksdb::WriteBatch mark;
        mark.Put(slice_of(format_key), slice_of(format_value)).PermitUncheckedError();
        return write(mark, true);
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

    result<std::vector<popped_queue_state>> load() const {
        if (auto usable = check_usable(); !usable) {
            return usable.failure();
        }
        std::vector<popped_queue_state> all;
        const std::unique_ptr<rocksdb::Iterator> it{database_->NewIterator({})};
        for (it->Seek(slice_of({&popped_queue_kind, 1})); it->Valid() && it->key()[0] == popped_queue_kind; it->Next()) {
            auto key = popped_queue_of_row(it->key().ToStringView());
            const auto next = decode_next(it->value().ToStringView());
            if (!key || !next) {
                return senseless(it->key().ToStringView());
            }
            all.push_back({*std::move(key), *next, {}});
        }
        auto queue = all.begin();
        for (it->Seek(slice_of({&pop_lease_kind, 1})); it->Valid() && it->key()[0] == pop_lease_kind; it->Next()) {
            const auto of = pop_lease_of_row(it->key().ToStringView());
            const auto lease = of ? decode_pop_lease(of->second, it->value().ToStringView()) : std::nullopt;
            while (lease && queue != all.end() && queue->key < of->first) {
                ++queue;
            }
            if (!lease || queue == all.end() || queue->key != of->first || lease->offset >= queue->next) {
                return senseless(it->key().ToStringView());
            }
            queue->leases.push_back(*lease);
        }
        if (!it->status().ok()) {
            return to_error(it->status(), "read of " + directory_.string());
        }
        return all;
    }

    result<void> change(const pop_changes& changes, bool sync) {
        if (auto usable = check_usable(); !usable) {
            return usable;
        }
        if (auto room = check_room(); !room) {
            return room;
        }
        rocksdb::WriteBatch batch;
        for (const auto& [key, queue] : changes) {
            if (!is_storable(key)) {
                return error{errc::argument_illegal, "the name of a group or topic is empty or holds a zero byte: not stored"};
            }
            add(batch, key, queue);
        }
        return batch.Count() == 0 ? result<void>{} : write(batch, sync);
    }

    [[nodiscard]] const std::string& recovery_note() const { return recovery_note_; }

private:
    static void add(rocksdb::WriteBatch& batch, const progress_key& key, const popped_queue_changes& queue) {
        if (queue.forget) {
            auto after = key;
            ++after.queue.queue;
            batch.Delete(popped_queue_row_key(key)).PermitUncheckedError();
            batch.DeleteRange(pop_lease_row_key(key, queue_offset{0}), pop_lease_row_key(after, queue_offset{0})).PermitUncheckedError();
        }
        if (queue.next) {
            batch.Put(popped_queue_row_key(key), encode_next(*queue.next)).PermitUncheckedError();
        }
        for (const auto& [offset, lease] : queue.leases) {
            if (lease) {
                batch.Put(pop_lease_row_key(key, offset), encode(*lease)).PermitUncheckedError();
            } else {
                batch.Delete(pop_lease_row_key(key, offset)).PermitUncheckedError();
            }
        }
    }

    result<void> open_database() {
        constexpr std::string_view fix = "restore the directory from a copy, or remove it: groups then begin at their committed offsets";
        if (auto mended = mend_manifest(*files_, directory_, fix); !mended) {
            return mended.failure();
        }
        auto options = small_database_options(env_.get(), options_.block_cache_bytes);
        // Most rows live for seconds. Tables that are mostly marks of what was removed are sorted away.
        options.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512, 0.5));
        auto opened = open_past_torn_log(options, directory_);
        if (!opened) {
            return opened.failure();
        }
        database_ = std::move(opened->database);
        recovery_note_ = std::move(opened->note);
        return {};
    }

    result<void> write(rocksdb::WriteBatch& batch, bool sync) {
        rocksdb::WriteOptions how;
        how.sync = sync;
        const auto status = database_->Write(how, &batch);
        if (!status.ok()) {
            failed_ = true;
            return to_error(status, "write to " + directory_.string());
        }
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
                                              " bytes are free on the disk, nothing can be popped or acknowledged"};
        }
        return {};
    }

    [[nodiscard]] error senseless(std::string_view key) const {
        return {errc::corrupt, directory_.string() + ": the row \"" + shown(key) +
                                   "\" makes no sense; restore the directory from a copy, or remove it: "
                                   "groups then begin at their committed offsets"};
    }

    std::shared_ptr<file_system> files_;
    std::filesystem::path directory_;
    pop_store_options options_;
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<rocksdb::DB> database_;
    bool failed_ = true; ///< until it is open
    std::string recovery_note_;
};

pop_store::pop_store(std::unique_ptr<implementation> made) : implementation_{std::move(made)} {}
pop_store::~pop_store() = default;

result<std::unique_ptr<pop_store>> pop_store::open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                   pop_store_options options) {
    auto made = std::make_unique<implementation>(std::move(files), directory, options);
    if (auto opened = made->open(); !opened) {
        return opened.failure();
    }
    return std::unique_ptr<pop_store>{new pop_store{std::move(made)}};
}

result<std::vector<popped_queue_state>> pop_store::load() const {
    return implementation_->load();
}

result<void> pop_store::change(const pop_changes& changes, bool sync) {
    return implementation_->change(changes, sync);
}

result<void> pop_store::reopen() {
    return implementation_->reopen();
}

const std::string& pop_store::recovery_note() const {
    return implementation_->recovery_note();
}

} // namespace troupe::storage
