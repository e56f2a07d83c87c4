#include "storage/log_index.hpp"

#include "protocol/message_codec.hpp"
#include "storage/file_system.hpp"

#include <limits>
#include <set>
#include <utility>
#include <vector>

namespace troupe::storage {
namespace {

/// Bounds one step of persist(): about 1.5 MiB of entries.
constexpr std::size_t entries_per_step = 64u << 10;

} // namespace

log_index::log_index(std::shared_ptr<std::atomic<std::int64_t>> log_min, std::unique_ptr<index_database> database)
    : log_min_{std::move(log_min)}, database_{std::move(database)}, queues_{*database_}, keys_{*database_}, transactions_{*database_} {}

result<std::unique_ptr<log_index>> log_index::open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                   std::size_t block_cache_bytes) {
    auto log_min = std::make_shared<std::atomic<std::int64_t>>(0);
    auto database = index_database::open(std::move(files), directory, block_cache_bytes, log_min);
    if (!database) {
        return database.failure();
    }
    auto checkpoint = (*database)->checkpoint();
    auto forgotten = (*database)->forgotten_topics();
    if (!checkpoint || !forgotten) {
        return checkpoint ? forgotten.failure() : checkpoint.failure();
    }
    std::unique_ptr<log_index> index{new log_index{std::move(log_min), *std::move(database)}};
    index->forgotten_ = *std::move(forgotten);
    index->checkpoint_written_ = *checkpoint;
    index->checkpoint_durable_ = checkpoint->value();
    if (auto loaded = index->transactions_.load(*checkpoint); !loaded) {
        return loaded.failure();
    }
    return index;
}

std::size_t log_index::set_log_min(log_position log_min) {
    log_min_->store(log_min.value(), std::memory_order_release);
    {
        const std::lock_guard guard{forgotten_mutex_};
        std::erase_if(forgotten_, [log_min](const auto& item) { return item.second < log_min; });
    }
    return transactions_.set_log_min(log_min);
}

result<void> log_index::replay(log_position position, std::string_view record) {
    const auto view = protocol::view_record(record);
    if (view.topic == forget_topic_name) {
        return forgotten_below(view.body) >= position ? result<void>{} : forget(view.body, position);
    }
    const auto stored = protocol::record_stored(record);
    find_facts(view.topic, view.properties, facts_);
    // Keys below the checkpoint are in the database, keys above are not: they are written together with it.
    for (const auto hash : facts_.key_hashes) {
        const key_entry key{hash, position, stored};
        keys_.add({&key, 1});
    }
    if (tells_of_transaction(view.topic, record)) {
        const auto event = read_transaction_event(view.topic, record);
        transactions_.apply({&event, 1});
    }
    if (position < forgotten_below(view.topic)) {
        return {};
    }
    return queues_.restore({std::string{view.topic}, protocol::record_queue(record)}, protocol::record_offset(record),
                           {position, static_cast<std::int32_t>(record.size()), facts_.tag_hash, stored});
}

result<void> log_index::forget(std::string_view topic, log_position position) {
    const std::lock_guard persisting{persist_mutex_};
    index_batch batch;
    batch.forget_topic(topic, position);
    if (auto written = database_->write(batch); !written) {
        return written;
    }
    {
        const std::lock_guard guard{forgotten_mutex_};
        forgotten_.insert_or_assign(std::string{topic}, position);
    }
    queues_.forget(topic);
    return {};
}

log_position log_index::forgotten_below(std::string_view topic) const {
    const std::lock_guard guard{forgotten_mutex_};
    const auto found = forgotten_.find(topic);
    return found == forgotten_.end() ? log_position{0} : found->second;
}

bool log_index::checkpoint_is_due(std::uint64_t checkpoint_bytes, bool force) const {
    const auto ahead = round_limit_ - checkpoint_written_;
    return ahead > 0 && (force || static_cast<std::uint64_t>(ahead) >= checkpoint_bytes ||
                         keys_.pending() + transactions_.changes() >= key_index::chunk_entries);
}

result<bool> log_index::persist(log_position durable, std::uint64_t checkpoint_bytes, bool force) {
    {
        const std::lock_guard persisting{persist_mutex_};
        if (!in_round_) {
            round_limit_ = durable;
        }
        index_batch batch;
        in_round_ = queues_.collect(round_limit_, entries_per_step, batch);
        const bool is_checkpoint = !in_round_ && checkpoint_is_due(checkpoint_bytes, force);
        if (is_checkpoint) {
            keys_.collect(round_limit_, batch);
            transactions_.collect(round_limit_, batch);
            batch.put_checkpoint(round_limit_);
        }
        auto written = batch.empty() ? result<void>{} : database_->write(batch);
        queues_.collected(written.ok());
        keys_.collected(written.ok());
        transactions_.collected(written.ok());
        if (!written) {
            in_round_ = false;
            return written.failure();
        }
        if (is_checkpoint) {
            checkpoint_written_ = round_limit_;
        }
        queues_.evict_idle();
    }
    const auto ahead = checkpoint_written_ - checkpoint();
    if (ahead > 0 && (static_cast<std::uint64_t>(ahead) >= checkpoint_bytes || (force && !in_round_))) {
        auto flushed = flush_checkpoint();
        if (flushed.code() == errc::busy) {
            return true;
        }
        if (!flushed) {
            return flushed.failure();
        }
    }
    return in_round_;
}

result<void> log_index::flush_checkpoint() {
    auto flushed = database_->flush();
    if (flushed) {
        checkpoint_durable_.store(checkpoint_written_.value(), std::memory_order_release);
    }
    return flushed;
}

result<std::string> log_index::dump() const {
    const auto from = log_min();
    std::map<topic_queue, std::map<std::int64_t, index_entry>> queues;
    const auto take = [&](const topic_queue& queue, std::int64_t offset, const std::vector<index_entry>& entries) {
        for (const auto& entry : entries) {
            if (entry.position >= from) {
                queues[queue][offset] = entry;
            }
            ++offset;
        }
    };
    auto visited = database_->for_each_block(
        [&](const topic_queue& queue, const index_database::block& block) { take(queue, block.number * block_entries, block.entries); });
    if (!visited) {
        return visited.failure();
    }
    queues_.for_each([&](queue_tail& tail) { take(tail.name, tail.first, tail.entries); });

    std::set<std::pair<std::int64_t, std::uint64_t>> keys;
    for (std::uint16_t partition = 0; partition < key_partitions; ++partition) {
        auto rows = database_->for_each_key_row(partition, [&](const key_row& row) {
            for (const auto& [hash, position] : row.entries) {
                keys.emplace(position.value(), hash);
            }
            return true;
        });
        if (!rows) {
            return rows.failure();
        }
    }
    for (const auto& entry : keys_.pending_entries()) {
        keys.emplace(entry.position.value(), entry.hash);
    }
    std::string text;
    for (const auto& [queue, entries] : queues) {
        for (const auto& [offset, entry] : entries) {
            text += queue.topic + ' ' + to_string(queue.queue) + ' ' + std::to_string(offset) + ": " + to_string(entry.position) + ' ' +
                    std::to_string(entry.bytes) + ' ' + std::to_string(entry.tag_hash) + ' ' + to_string(entry.stored) + '\n';
        }
    }
    for (const auto& [position, hash] : keys) {
        if (position >= from.value()) {
            text += "key " + std::to_string(position) + ' ' + std::to_string(hash) + '\n';
        }
    }
    for (const auto& one : transactions_.list(log_position{from.value() - 1}, log_position{std::numeric_limits<std::int64_t>::max()},
                                              std::numeric_limits<std::size_t>::max())) {
        text += "transaction " + to_string(one.position) + ' ' + to_string(one.offset) + ' ' + std::to_string(one.bytes) + ' ' +
                to_string(one.stored) + ' ' + std::to_string(one.checks) + ' ' + to_string(one.asked) + '\n';
    }
    for (const auto& one : transactions_.resumed()) {
        if (one.given_up >= from) {
            text += "resumed " + to_string(one.given_up) + ' ' + to_string(one.half) + ' ' + to_string(one.offset) + '\n';
        }
    }
    return text;
}

} // namespace troupe::storage
