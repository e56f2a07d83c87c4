#include "storage/key_index.hpp"

#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "storage/index_database.hpp"

#include <algorithm>
#include <limits>

namespace troupe::storage {
namespace {

constexpr std::uint64_t odd_factor = 0x9E37'79B9'7F4A'7C15; // 2^64 divided by the golden ratio

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * odd_factor;
    return hash ^ (hash >> 32);
}

std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
    hash = mixed(hash, text.size());
    for (; text.size() >= sizeof(std::uint64_t); text.remove_prefix(sizeof(std::uint64_t))) {
        hash = mixed(hash, load_be<std::uint64_t>(text.data()));
    }
    std::uint64_t last = 0;
    for (const char c : text) {
        last = last << 8 | static_cast<unsigned char>(c);
    }
    return mixed(hash, last);
}

template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) {
            visit(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

} // namespace

std::uint64_t key_hash(std::string_view topic, std::string_view key) {
    auto hash = mixed(mixed(0, topic), key);
    // The highest bits choose the partition: let every bit reach them.
    hash *= odd_factor;
    return hash ^ (hash >> 29);
}

void find_facts(std::string_view topic, std::string_view properties, record_facts& facts) {
    facts.tag_hash = 0;
    facts.key_hashes.clear();
    protocol::for_each_property(properties, [&](std::string_view name, std::string_view value) {
        if (name == protocol::property_name::tags) {
            facts.tag_hash = protocol::tag_hash(value);
        } else if (name == protocol::property_name::unique_key) {
            facts.key_hashes.push_back(key_hash(topic, value));
        } else if (name == protocol::property_name::keys) {
            for_each_word(value, [&](std::string_view word) { facts.key_hashes.push_back(key_hash(topic, word)); });
        }
    });
}

bool has_key(std::string_view properties, std::string_view key) {
    bool found = false;
    protocol::for_each_property(properties, [&](std::string_view name, std::string_view value) {
        if (name == protocol::property_name::unique_key) {
            found = found || value == key;
        } else if (name == protocol::property_name::keys) {
            for_each_word(value, [&](std::string_view word) { found = found || word == key; });
        }
    });
    return found;
}

void key_index::add(std::span<const key_entry> entries) {
    if (entries.empty()) {
        return;
    }
    const std::lock_guard guard{mutex_};
    pending_.insert(pending_.end(), entries.begin(), entries.end());
    pending_count_.store(pending_.size(), std::memory_order_relaxed);
}

void key_index::collect(log_position limit, index_batch& batch) {
    std::vector<key_entry> chunk;
    {
        const std::lock_guard guard{mutex_};
        const auto end =
            std::partition_point(pending_.begin(), pending_.end(), [&](const key_entry& entry) { return entry.position < limit; });
        chunk.assign(pending_.begin(), end);
    }
    collected_ = chunk.size();
    std::stable_sort(chunk.begin(), chunk.end(),
                     [](const key_entry& x, const key_entry& y) { return key_partition(x.hash) < key_partition(y.hash); });
    for (auto first = chunk.begin(); first != chunk.end();) {
        const auto partition = key_partition(first->hash);
        const auto last = std::find_if(first, chunk.end(), [&](const key_entry& entry) { return key_partition(entry.hash) != partition; });
        batch.put_keys(partition, {first, last});
        first = last;
    }
}

void key_index::collected(bool is_written) {
    if (is_written && collected_ > 0) {
        const std::lock_guard guard{mutex_};
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(collected_));
        if (pending_.empty() && pending_.capacity() > 2 * chunk_entries) {
            pending_.shrink_to_fit();
        }
        pending_count_.store(pending_.size(), std::memory_order_relaxed);
    }
    collected_ = 0;
}

std::vector<key_entry> key_index::pending_entries() const {
    const std::lock_guard guard{mutex_};
    return pending_;
}

result<void> key_index::find(std::uint64_t hash, timestamp_ms begin, timestamp_ms end,
                             const std::function<bool(log_position)>& visit) const {
    std::vector<log_position> candidates;
    {
        const std::lock_guard guard{mutex_};
        for (const auto& entry : pending_) {
            if (entry.hash == hash && entry.stored >= begin && entry.stored <= end) {
                candidates.push_back(entry.position);
            }
        }
    }
    // An entry may be written while we look, and a record may have the same key twice: lower positions only, from now on.
    log_position below{std::numeric_limits<std::int64_t>::max()};
    const auto visit_once = [&](log_position position) {
        const bool is_new = position < below;
        below = std::min(below, position);
        return !is_new || visit(position);
    };
    if (!std::all_of(candidates.rbegin(), candidates.rend(), visit_once)) {
        return {};
    }
    return database_.for_each_key_row(key_partition(hash), [&](const key_row& row) {
        if (row.stored_max < begin) {
            return false; // store times do not decrease in the log: all that follow are older
        }
        if (row.stored_min > end) {
            return true;
        }
        return std::all_of(row.entries.rbegin(), row.entries.rend(),
                           [&](const auto& entry) { return entry.first != hash || visit_once(entry.second); });
    });
}

} // namespace troupe::storage
