#include "storage/queue_index.hpp"

#include "storage/index_database.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <string>

namespace troupe::storage {
namespace {

std::int64_t block_of(std::int64_t offset) {
    return offset / block_entries;
}

std::int64_t block_start(std::int64_t offset) {
    return block_of(offset) * block_entries;
}

/// Number of entries before the first that holds.
template <class Entries, class Holds>
std::int64_t count_before(const Entries& entries, const Holds& holds) {
    return std::partition_point(entries.begin(), entries.end(), [&](const index_entry& entry) { return !holds(entry); }) - entries.begin();
}

} // namespace

queue_index::shard& queue_index::shard_of(const topic_queue& queue) const {
    // The map uses the low bits of the same hash.
    return shards_[(std::hash<topic_queue>{}(queue)*0x9E37'79B9'7F4A'7C15) >> 58];
}

result<queue_handle> queue_index::find(const topic_queue& queue) const {
    queue_handle tail;
    {
        auto& in = shard_of(queue);
        const std::lock_guard guard{in.mutex};
        auto [at, is_new] = in.queues.try_emplace(queue);
        if (is_new) {
            at->second = std::make_shared<queue_tail>(at->first);
            queues_.fetch_add(1, std::memory_order_relaxed);
        }
        tail = at->second;
    }
    tail->is_used.store(true, std::memory_order_relaxed);
    if (!tail->is_loaded.load(std::memory_order_acquire)) {
        if (auto loaded = load(*tail); !loaded) {
            return loaded.failure();
        }
    }
    return tail;
}

result<void> queue_index::load(queue_tail& tail) const {
    const std::lock_guard guard{tail.mutex};
    if (tail.is_loaded.load(std::memory_order_relaxed)) {
        return {};
    }
    auto last = database_.last_block(tail.name);
    if (!last) {
        return last.failure();
    }
    if (last->number >= 0) {
        tail.first = last->number * block_entries;
        tail.entries = std::move(last->entries);
    }
    tail.persisted = tail.reserved = tail.next();
    tail.is_loaded.store(true, std::memory_order_release);
    return {};
}

queue_offset queue_index::reserve(queue_tail& tail, std::int64_t count) {
    const queue_offset first{tail.reserved};
    tail.reserved += count;
    return first;
}

void queue_index::cancel(queue_tail& tail) {
    const std::lock_guard guard{tail.mutex};
    tail.reserved = tail.next();
}

void queue_index::add(const queue_handle& tail, const index_entry& entry) {
    const std::lock_guard guard{tail->mutex};
    append_locked(tail, entry);
}

void queue_index::append_locked(const queue_handle& tail, const index_entry& entry) {
    tail->entries.push_back(entry);
    memory_bytes_.fetch_add(index_entry_bytes, std::memory_order_relaxed);
    if (!tail->is_dirty.load(std::memory_order_relaxed)) {
        mark_dirty(tail);
    }
}

void queue_index::mark_dirty(const queue_handle& tail) {
    tail->is_dirty.store(true, std::memory_order_relaxed);
    const std::lock_guard guard{dirty_mutex_};
    dirty_.push_back(tail);
}

void queue_index::forget(std::string_view topic) {
    for_each([&](queue_tail& tail) {
        if (tail.name.topic != topic) {
            return;
        }
        const std::lock_guard guard{tail.mutex};
        if (!tail.is_loaded.load(std::memory_order_relaxed)) {
            return;
        }
        empty_locked(tail);
    });
}

void queue_index::empty_locked(queue_tail& tail) {
    memory_bytes_.fetch_sub(static_cast<std::size_t>(tail.next() - tail.persisted) * index_entry_bytes, std::memory_order_relaxed);
    tail.entries.clear();
    tail.first = tail.persisted = tail.reserved = tail.min_offset = 0;
    tail.min_known_for = log_position{-1};
    ++tail.emptied;
}

result<void> queue_index::restart(queue_tail& tail) {
    index_batch batch;
    batch.clear_queue(tail.name);
    if (auto written = database_.write(batch); !written) {
        return written;
    }
    const std::lock_guard guard{tail.mutex};
    empty_locked(tail);
    return {};
}

result<log_position> queue_index::last_position(queue_tail& tail) const {
    auto last = entries(tail, queue_offset{tail.next() - 1}, 1, log_position{std::numeric_limits<std::int64_t>::max()});
    if (!last) {
        return last.failure();
    }
    return last->empty() ? log_position{-1} : last->front().position;
}

result<void> queue_index::restore(const topic_queue& queue, queue_offset offset, const index_entry& entry) {
    auto found = find(queue);
    if (!found) {
        return found.failure();
    }
    auto& tail = **found;
    const auto at = offset.value();
    if (at < tail.next()) {
        auto known = entries(tail, offset, 1, entry.position + 1);
        if (!known) {
            return known.failure();
        }
        if (!known->empty() && known->front().position == entry.position) {
            return {};
        }
        auto last = last_position(tail);
        if (!last) {
            return last.failure();
        }
        if (entry.position <= *last) {
            return error{errc::corrupt, "queue " + std::to_string(queue.queue.value()) + " of topic " + queue.topic +
                                            ": the index disagrees with the record at log position " +
                                            std::to_string(entry.position.value())};
        }
        if (auto restarted = restart(tail); !restarted) {
            return restarted;
        }
    }
    const std::lock_guard guard{tail.mutex};
    if (tail.next() == 0) {
        tail.first = tail.persisted = block_start(at);
    }
    const auto hole = tail.entries.empty() ? index_entry{} : index_entry{tail.entries.back().position, 0, 0, tail.entries.back().stored};
    while (tail.next() < at) {
        append_locked(*found, hole);
    }
    append_locked(*found, entry);
    tail.reserved = tail.next();
    return {};
}

bool queue_index::collect(log_position limit, std::size_t entries_max, index_batch& batch) {
    assert(collected_.empty());
    if (round_.empty()) {
        const std::lock_guard guard{dirty_mutex_};
        round_.swap(dirty_);
    }
    std::size_t entries = 0;
    while (!round_.empty() && entries < entries_max) {
        const auto tail = round_.back();
        bool is_whole = true;
        const auto before = tail->persisted;
        const auto end = put_blocks(*tail, limit, entries_max, batch, is_whole);
        entries += static_cast<std::size_t>(std::max<std::int64_t>(end - before, 1));
        collected_.emplace_back(tail, end);
        if (!is_whole) {
            return true; // the same queue goes on next time
        }
        round_.pop_back();
    }
    return !round_.empty();
}

std::int64_t queue_index::put_blocks(queue_tail& tail, log_position limit, std::size_t entries_max, index_batch& batch, bool& is_whole) {
    const std::lock_guard guard{tail.mutex};
    auto end = tail.first + count_before(tail.entries, [&](const index_entry& entry) { return entry.position >= limit; });
    const auto most = block_start(tail.persisted) + block_start(static_cast<std::int64_t>(entries_max) + block_entries);
    is_whole = end <= most;
    end = std::min(end, most);
    if (end <= tail.persisted) {
        return tail.persisted;
    }
    const std::span<const index_entry> all{tail.entries};
    // A full block is followed by an empty one: the last block of a queue is never full, which the compaction filter needs.
    for (auto start = block_start(tail.persisted); start <= end; start += block_entries) {
        const auto count = std::min(end - start, block_entries);
        batch.put_block(tail.name, block_of(start),
                        all.subspan(static_cast<std::size_t>(start - tail.first), static_cast<std::size_t>(count)));
    }
    return end;
}

void queue_index::collected(bool is_written) {
    for (auto& [tail, end] : collected_) {
        const std::lock_guard guard{tail->mutex};
        if (is_written && end > tail->persisted) {
            memory_bytes_.fetch_sub(static_cast<std::size_t>(end - tail->persisted) * index_entry_bytes, std::memory_order_relaxed);
            tail->persisted = end;
            const auto kept_from = block_start(end);
            tail->entries.erase(tail->entries.begin(), tail->entries.begin() + (kept_from - tail->first));
            tail->first = kept_from;
            if (tail->entries.capacity() > 16 * static_cast<std::size_t>(block_entries) &&
                tail->entries.size() < static_cast<std::size_t>(block_entries)) {
                tail->entries.shrink_to_fit();
            }
        }
        // A queue that is cut short by the batch limit is still in the round.
        const bool in_round = !round_.empty() && round_.back() == tail;
        if (in_round) {
            continue;
        }
        if (tail->persisted < tail->next()) {
            const std::lock_guard dirty_guard{dirty_mutex_};
            dirty_.push_back(tail);
        } else {
            tail->is_dirty.store(false, std::memory_order_relaxed);
        }
    }
    collected_.clear();
    if (!is_written) {
        // What was taken from the round is listed again: the round can no longer vouch for everything below its limit.
        const std::lock_guard guard{dirty_mutex_};
        dirty_.insert(dirty_.end(), round_.begin(), round_.end());
        round_.clear();
    }
}

void queue_index::evict_idle() {
    if (queues() <= idle_queues_max) {
        return;
    }
    auto& in = shards_[evict_next_++ % shards];
    const std::lock_guard guard{in.mutex};
    // Whoever holds a queue got it under this mutex, so that a count of one stays one.
    const auto gone = std::erase_if(in.queues, [](auto& item) {
        auto& tail = item.second;
        const bool was_used = tail->is_used.exchange(false, std::memory_order_relaxed);
        return !was_used && tail.use_count() == 1 && !tail->is_dirty.load(std::memory_order_relaxed);
    });
    queues_.fetch_sub(gone, std::memory_order_relaxed);
}

queue_offset queue_index::end(queue_tail& tail, log_position visible) {
    const std::lock_guard guard{tail.mutex};
    if (tail.entries.empty() || tail.entries.back().position < visible) {
        return queue_offset{tail.next()};
    }
    return queue_offset{tail.first + count_before(tail.entries, [&](const index_entry& entry) { return entry.position >= visible; })};
}

result<queue_offset> queue_index::begin(queue_tail& tail, log_position log_min) const {
    std::uint64_t emptied = 0;
    {
        const std::lock_guard guard{tail.mutex};
        if (tail.min_known_for == log_min) {
            return queue_offset{tail.min_offset};
        }
        emptied = tail.emptied;
    }
    auto first = first_where(tail, [log_min](const index_entry& entry) { return entry.position >= log_min; });
    if (!first) {
        return first.failure();
    }
    const std::lock_guard guard{tail.mutex};
    // With nothing stored yet the answer changes with the next record's place, so it is not kept.
    if (*first < tail.next() && tail.emptied == emptied) {
        tail.min_offset = *first;
        tail.min_known_for = log_min;
    }
    return queue_offset{*first};
}

result<std::int64_t> queue_index::first_where(queue_tail& tail, const std::function<bool(const index_entry&)>& holds) const {
    std::int64_t tail_first = 0;
    std::int64_t in_tail = 0;
    {
        const std::lock_guard guard{tail.mutex};
        tail_first = tail.first;
        in_tail = tail.first + count_before(tail.entries, holds);
    }
    if (tail_first == 0 || in_tail > tail_first) {
        return in_tail;
    }
    return first_in_blocks(tail, tail_first, in_tail, holds);
}

result<std::int64_t> queue_index::first_in_blocks(const queue_tail& tail, std::int64_t tail_first, std::int64_t otherwise,
                                                  const std::function<bool(const index_entry&)>& holds) const {
    auto front = database_.first_block(tail.name);
    if (!front) {
        return front.failure();
    }
    if (front->number < 0 || front->number >= block_of(tail_first)) {
        return otherwise;
    }
    const auto has = [&](const std::vector<index_entry>& entries) { return !entries.empty() && holds(entries.back()); };
    auto found = std::move(*front);
    auto low = found.number;
    auto high = block_of(tail_first); // the first block that has one is in [low, high]; high: none has
    if (!has(found.entries)) {
        ++low;
        while (low < high) {
            const auto middle = low + (high - low) / 2;
            auto entries = database_.entries(tail.name, middle);
            if (!entries) {
                return entries.failure();
            }
            if (has(*entries)) {
                high = middle;
                found = {middle, *std::move(entries)};
            } else {
                low = middle + 1;
            }
        }
        if (low == block_of(tail_first)) {
            return otherwise;
        }
    }
    return found.number * block_entries + count_before(found.entries, holds);
}

result<std::vector<index_entry>> queue_index::entries(queue_tail& tail, queue_offset from, std::int64_t count, log_position visible) const {
    std::vector<index_entry> in_tail;
    std::int64_t blocks_end = 0;
    {
        const std::lock_guard guard{tail.mutex};
        auto end = std::min(tail.next(), from.value() + count);
        const auto start = std::max(from.value(), tail.first);
        while (end > start && tail.entries[static_cast<std::size_t>(end - 1 - tail.first)].position >= visible) {
            --end;
        }
        if (end > start) {
            in_tail.assign(tail.entries.begin() + (start - tail.first), tail.entries.begin() + (end - tail.first));
        }
        blocks_end = std::min(tail.first, from.value() + count);
    }
    if (from.value() >= blocks_end) {
        return in_tail;
    }
    std::vector<index_entry> all;
    for (auto at = from.value(); at < blocks_end;) {
        auto block = database_.entries(tail.name, block_of(at));
        if (!block) {
            return block.failure();
        }
        block->resize(static_cast<std::size_t>(block_entries));
        const auto end = std::min(block_start(at) + block_entries, blocks_end);
        all.insert(all.end(), block->begin() + at % block_entries, block->begin() + (end - block_start(at)));
        at = end;
    }
    all.insert(all.end(), in_tail.begin(), in_tail.end());
    return all;
}

void queue_index::for_each(const std::function<void(queue_tail&)>& visit) const {
    for (auto& in : shards_) {
        std::vector<queue_handle> all;
        {
            const std::lock_guard guard{in.mutex};
            for (const auto& [name, tail] : in.queues) {
                all.push_back(tail);
            }
        }
        for (const auto& tail : all) {
            visit(*tail);
        }
    }
}

} // namespace troupe::storage
