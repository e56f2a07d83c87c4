#include "storage/index_database.hpp"

#include "storage/directories.hpp"
#include "storage/file_system.hpp"
#include "storage/index_rows.hpp"
#include "storage/rocksdb_file_system.hpp"
#include "storage/rocksdb_support.hpp"

#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace troupe::storage {
namespace {

// Keys and values: docs/formats/index.md.
constexpr char forgotten_kind = 'f';
constexpr std::string_view checkpoint_key = "!checkpoint";
constexpr std::string_view format_value = "troupe index 2";
/// At a million messages per second tables of 4 MiB were written and merged so often that it took a tenth of the broker's time.
constexpr std::size_t write_buffer_bytes = 8u << 20;
constexpr int write_buffers_max = 2;       // one is filled while the other is written
constexpr std::uint64_t merged_tables = 4; // of the first level, at once
constexpr std::uint64_t room_bytes =
    (write_buffers_max + merged_tables) * write_buffer_bytes; // what RocksDB may write before we look again

/// Drops rows that point only below the log's minimum. A queue's last block is never full and so never dropped: it says
/// which offset comes next.
class below_log_filter final : public rocksdb::CompactionFilter {
public:
    explicit below_log_filter(std::shared_ptr<const std::atomic<std::int64_t>> log_min) : log_min_{std::move(log_min)} {}

    const char* Name() const override { return "troupe_below_log"; }

    bool Filter(int /*level*/, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string* /*new_value*/,
                bool* /*value_changed*/) const override {
        constexpr auto full_block_bytes = static_cast<std::size_t>(block_entries) * index_entry_bytes;
        const auto log_min = log_min_->load(std::memory_order_relaxed);
        const char kind = key.empty() ? '\0' : key[0];
        if (kind == block_kind) {
            return value.size() == full_block_bytes && load_be<std::int64_t>(value.data() + full_block_bytes - index_entry_bytes) < log_min;
        }
        if ((kind == transaction_kind || kind == resumed_kind) && key.size() == 1 + sizeof(std::int64_t)) {
            return load_be<std::int64_t>(key.data() + 1) < log_min;
        }
        // Both begin with the highest position they speak of.
        return (kind == key_kind || kind == forgotten_kind) && value.size() >= sizeof(std::int64_t) &&
               load_be<std::int64_t>(value.data()) < log_min;
    }

private:
    std::shared_ptr<const std::atomic<std::int64_t>> log_min_;
};

} // namespace

index_batch::index_batch() : changes_{std::make_unique<rocksdb::WriteBatch>()} {}
index_batch::~index_batch() = default;

void index_batch::put_block(const topic_queue& queue, std::int64_t number, std::span<const index_entry> entries) {
    std::string value;
    value.reserve(entries.size() * index_entry_bytes);
    for (const auto& entry : entries) {
        append_entry(value, entry);
    }
    changes_->Put(block_key(queue, number), value).PermitUncheckedError();
}

void index_batch::put_keys(std::uint16_t partition, std::span<const key_entry> entries) {
    changes_->Put(key_row_key(partition, entries.front().position), encode_key_row(entries)).PermitUncheckedError();
}

void index_batch::put_checkpoint(log_position covered) {
    std::string value;
    append_be(value, covered.value());
    changes_->Put(slice_of(checkpoint_key), value).PermitUncheckedError();
}

void index_batch::put_transaction(const pending_transaction& pending) {
    changes_->Put(transaction_key(pending.position), encode_transaction(pending)).PermitUncheckedError();
}

void index_batch::remove_transaction(log_position half) {
    changes_->Delete(transaction_key(half)).PermitUncheckedError();
}

void index_batch::put_resumed_transaction(const resumed_transaction& resumed) {
    changes_->Put(resumed_key(resumed.given_up), encode_resumed(resumed)).PermitUncheckedError();
}

void index_batch::forget_topic(std::string_view topic, log_position position) {
    changes_->DeleteRange(blocks_of(topic), blocks_of(topic, '\1')).PermitUncheckedError();
    std::string value;
    append_be(value, position.value());
    changes_->Put(std::string{forgotten_kind}.append(topic), value).PermitUncheckedError();
}

void index_batch::clear_queue(const topic_queue& queue) {
    changes_->DeleteRange(block_key(queue, 0), block_key(queue, std::numeric_limits<std::int64_t>::max())).PermitUncheckedError();
}

bool index_batch::empty() const {
    return changes_->Count() == 0;
}

class index_database::implementation {
public:
    implementation(std::shared_ptr<file_system> files, std::filesystem::path directory,
                   std::shared_ptr<const std::atomic<std::int64_t>> log_min)
        : files_{std::move(files)},
          directory_{std::move(directory)},
          env_{make_rocksdb_env(files_, manifest_notes::off)},
          filter_{std::move(log_min)} {}

    result<void> open(std::size_t block_cache_bytes) {
        if (auto made = make_durable_directories(*files_, directory_); !made) {
            return made;
        }
        auto options = small_database_options(env_.get(), block_cache_bytes);
        options.compaction_filter = &filter_;
        options.write_buffer_size = write_buffer_bytes;
        options.max_write_buffer_number = write_buffers_max;
        options.avoid_flush_during_shutdown = true; // flush() decides what is durable
        rocksdb::DB* database = nullptr;
        if (const auto status = rocksdb::DB::Open(options, directory_.string(), &database); !status.ok()) {
            return to_error(status, "open of " + directory_.string());
        }
        database_.reset(database);
        return check_format();
    }

    result<void> write(rocksdb::WriteBatch& changes) {
        if (auto usable = check_usable(); !usable) {
            return usable;
        }
        rocksdb::WriteOptions unlogged;
        unlogged.disableWAL = true;
        return noted(database_->Write(unlogged, &changes), "write to ");
    }

    result<void> check_usable() const {
        if (failed_) {
            return error{errc::io, directory_.string() + " takes no changes after a failed write; restart the broker"};
        }
        auto space = files_->space(directory_);
        if (!space) {
            return space.failure();
        }
        if (space->free_bytes < room_bytes) {
            return error{errc::disk_full, directory_.string() + ": less than " + std::to_string(room_bytes) +
                                              " bytes are free on the disk, the index waits in memory"};
        }
        return {};
    }

    result<void> flush() {
        if (auto usable = check_usable(); !usable) {
            return usable;
        }
        rocksdb::FlushOptions at_once;
        at_once.allow_write_stall = true; // waiting for a stall to pass could take for ever
        if (auto flushed = noted(database_->Flush(at_once), "flush of "); !flushed) {
            return flushed;
        }
        return is_flushed() ? result<void>{} : error{errc::busy, "flush of " + directory_.string() + " is not done yet; repeat it"};
    }

    [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const {
        std::string value;
        const auto status = database_->Get({}, slice_of(key), &value);
        if (status.IsNotFound()) {
            return std::optional<std::string>{};
        }
        if (!status.ok()) {
            return to_error(status, "read of " + directory_.string());
        }
        return std::optional{std::move(value)};
    }

    [[nodiscard]] std::unique_ptr<rocksdb::Iterator> iterator() const {
        return std::unique_ptr<rocksdb::Iterator>{database_->NewIterator({})};
    }

    /// What an iterator that has stopped says of itself.
    [[nodiscard]] result<void> outcome(const rocksdb::Iterator& it) const {
        return it.status().ok() ? result<void>{} : to_error(it.status(), "read of " + directory_.string());
    }

    [[nodiscard]] error senseless(std::string_view what) const {
        return {errc::corrupt, directory_.string() + ": " + std::string{what} +
                                   " makes no sense; stop the broker and remove the directory, the next start rebuilds it from the log"};
    }

    /// The block under the iterator if it is one of `queue`; number -1 if not.
    [[nodiscard]] result<block> block_under(const rocksdb::Iterator& it, const topic_queue& queue) const {
        if (!it.Valid()) {
            auto fine = outcome(it);
            return fine ? result<block>{block{-1, {}}} : result<block>{fine.failure()};
        }
        const auto key = it.key().ToStringView();
        auto of = key.front() == block_kind ? parse_block_key(key) : std::nullopt;
        if (!of || of->first != queue) {
            return block{-1, {}};
        }
        auto entries = decode_block(it.value().ToStringView());
        if (!entries) {
            return senseless("a block of topic " + queue.topic);
        }
        return block{of->second, *std::move(entries)};
    }

private:
    result<void> check_format() {
        auto stored = get(format_key);
        if (!stored) {
            return stored.failure();
        }
        if (*stored) {
            return **stored == format_value ? result<void>{} : error{errc::corrupt, directory_.string() + " is not of this version"};
        }
        auto it = iterator();
        it->SeekToFirst();
        if (it->Valid()) {
            return error{errc::corrupt, directory_.string() + " is a database, but not this one"};
        }
        rocksdb::WriteBatch mark;
        mark.Put(slice_of(format_key), slice_of(format_value)).PermitUncheckedError();
        return write(mark);
    }

    result<void> noted(const rocksdb::Status& status, std::string_view what) {
        if (status.ok()) {
            return {};
        }
        failed_ = true;
        return to_error(status, std::string{what} + directory_.string());
    }

    [[nodiscard]] bool is_flushed() const {
        std::uint64_t active = 1;
        std::uint64_t waiting = 1;
        database_->GetIntProperty(rocksdb::DB::Properties::kNumEntriesActiveMemTable, &active);
        database_->GetIntProperty(rocksdb::DB::Properties::kNumImmutableMemTable, &waiting);
        return active == 0 && waiting == 0;
    }

    /// RocksDB is kept from meeting a full disk: how it recovers from one cannot be relied on (in 7.8, a Flush() after a
    /// failed Resume() may answer before it is done, or never).

    std::shared_ptr<file_system> files_;
    std::filesystem::path directory_;
    std::unique_ptr<rocksdb::Env> env_;
    below_log_filter filter_;
    std::unique_ptr<rocksdb::DB> database_;
    std::atomic<bool> failed_ = false;
};

index_database::index_database(std::unique_ptr<implementation> made) : implementation_{std::move(made)} {}
index_database::~index_database() = default;

result<std::unique_ptr<index_database>> index_database::open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                             std::size_t block_cache_bytes,
                                                             std::shared_ptr<const std::atomic<std::int64_t>> log_min) {
    auto made = std::make_unique<implementation>(std::move(files), directory, std::move(log_min));
    if (auto opened = made->open(block_cache_bytes); !opened) {
        return opened.failure();
    }
    return std::unique_ptr<index_database>{new index_database{std::move(made)}};
}

result<void> index_database::write(index_batch& changes) {
    return implementation_->write(*changes.changes_);
}

result<void> index_database::can_write() const {
    return implementation_->check_usable();
}
result<void> index_database::flush() {
    return implementation_->flush();
}

result<log_position> index_database::checkpoint() const {
    auto stored = implementation_->get(checkpoint_key);
    if (!stored) {
        return stored.failure();
    }
    if (!*stored) {
        return log_position{0};
    }
    value_reader in{**stored};
    const log_position covered{in.number<std::int64_t>()};
    if (!in.at_end()) {
        return implementation_->senseless("the checkpoint");
    }
    return covered;
}

result<std::map<std::string, log_position, std::less<>>> index_database::forgotten_topics() const {
    std::map<std::string, log_position, std::less<>> all;
    auto it = implementation_->iterator();
    for (it->Seek({&forgotten_kind, 1}); it->Valid() && it->key().starts_with({&forgotten_kind, 1}); it->Next()) {
        value_reader in{it->value().ToStringView()};
        all[std::string{it->key().ToStringView().substr(1)}] = log_position{in.number<std::int64_t>()};
        if (!in.at_end()) {
            return implementation_->senseless("a forgotten topic");
        }
    }
    if (auto fine = implementation_->outcome(*it); !fine) {
        return fine.failure();
    }
    return all;
}

result<std::vector<index_entry>> index_database::entries(const topic_queue& queue, std::int64_t number) const {
    auto stored = implementation_->get(block_key(queue, number));
    if (!stored) {
        return stored.failure();
    }
    if (!*stored) {
        return std::vector<index_entry>{};
    }
    auto decoded = decode_block(**stored);
    if (!decoded) {
        return implementation_->senseless("block " + std::to_string(number) + " of topic " + queue.topic);
    }
    return *std::move(decoded);
}

result<index_database::block> index_database::first_block(const topic_queue& queue) const {
    auto it = implementation_->iterator();
    it->Seek(block_key(queue, 0));
    return implementation_->block_under(*it, queue);
}

result<index_database::block> index_database::last_block(const topic_queue& queue) const {
    auto it = implementation_->iterator();
    it->SeekForPrev(block_key(queue, std::numeric_limits<std::int64_t>::max()));
    return implementation_->block_under(*it, queue);
}

result<void> index_database::for_each_block(const std::function<void(const topic_queue&, const block&)>& visit) const {
    auto it = implementation_->iterator();
    for (it->Seek({&block_kind, 1}); it->Valid() && it->key().starts_with({&block_kind, 1}); it->Next()) {
        auto of = parse_block_key(it->key().ToStringView());
        auto entries = decode_block(it->value().ToStringView());
        if (!of || !entries) {
            return implementation_->senseless("a block");
        }
        visit(of->first, {of->second, *std::move(entries)});
    }
    return implementation_->outcome(*it);
}

result<void> index_database::for_each_key_row(std::uint16_t partition, const std::function<bool(const key_row&)>& visit) const {
    const auto front = key_row_key(partition, log_position{0}).substr(0, 1 + sizeof partition);
    auto it = implementation_->iterator();
    for (it->SeekForPrev(key_row_key(partition, log_position{std::numeric_limits<std::int64_t>::max()}));
         it->Valid() && it->key().starts_with(front); it->Prev()) {
        auto row = decode_key_row(it->value().ToStringView());
        if (!row) {
            return implementation_->senseless("a row of keys");
        }
        if (!visit(*row)) {
            return {};
        }
    }
    return implementation_->outcome(*it);
}

result<std::vector<pending_transaction>> index_database::transactions() const {
    std::vector<pending_transaction> all;
    auto it = implementation_->iterator();
    for (it->Seek({&transaction_kind, 1}); it->Valid() && it->key().starts_with({&transaction_kind, 1}); it->Next()) {
        const auto pending = decode_transaction(it->key().ToStringView(), it->value().ToStringView());
        if (!pending) {
            return implementation_->senseless("a pending transaction");
        }
        all.push_back(*pending);
    }
    if (auto fine = implementation_->outcome(*it); !fine) {
        return fine.failure();
    }
    return all;
}

result<std::vector<resumed_transaction>> index_database::resumed_transactions() const {
    std::vector<resumed_transaction> all;
    auto it = implementation_->iterator();
    for (it->Seek({&resumed_kind, 1}); it->Valid() && it->key().starts_with({&resumed_kind, 1}); it->Next()) {
        const auto resumed = decode_resumed(it->key().ToStringView(), it->value().ToStringView());
        if (!resumed) {
            return implementation_->senseless("a resumed transaction");
        }
        all.push_back(*resumed);
    }
    if (auto fine = implementation_->outcome(*it); !fine) {
        return fine.failure();
    }
    return all;
}

} // namespace troupe::storage
