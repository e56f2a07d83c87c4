#include "storage/transaction_index.hpp"

#include "protocol/message_codec.hpp"
#include "storage/index_database.hpp"

#include <algorithm>

namespace troupe::storage {
namespace {

/// A note that the producer was asked: its record is of the type "prepared", and has the number of questions where other records have
/// the number of tries.
bool is_question(std::string_view topic, std::string_view record) {
    return topic == transaction_operation_topic &&
           (protocol::record_sys_flag(record) & protocol::message_sys_flag::transaction_mask) == protocol::message_sys_flag::prepared;
}

} // namespace

bool tells_of_transaction(std::string_view topic, std::string_view record) {
    return protocol::record_prepared_transaction(record) > log_position{0} || topic == half_topic;
}

transaction_event read_transaction_event(std::string_view topic, std::string_view record) {
    transaction_event event;
    event.at = protocol::record_position(record);
    const auto half = protocol::record_prepared_transaction(record);
    if (half > log_position{0} && topic != half_topic) {
        event.of.position = half;
        event.what = is_question(topic, record) ? transaction_event::kind::asked : transaction_event::kind::decided;
        event.of.checks = protocol::record_reconsume_times(record);
        event.of.asked = protocol::record_stored(record);
        return event;
    }
    event.of.position = event.at;
    event.of.offset = protocol::record_offset(record);
    event.of.bytes = static_cast<std::int32_t>(record.size());
    event.of.stored = protocol::record_stored(record);
    event.resumes = half;
    return event;
}

result<void> transaction_index::load(log_position checkpoint) {
    auto rows = database_.transactions();
    if (!rows) {
        return rows.failure();
    }
    auto resumed = database_.resumed_transactions();
    if (!resumed) {
        return resumed.failure();
    }
    const std::lock_guard guard{mutex_};
    for (const auto& row : *rows) {
        pending_.emplace(row.position, row);
    }
    for (const auto& row : *resumed) {
        resumed_.emplace(row.given_up, row);
    }
    covered_ = checkpoint;
    publish_sizes();
    return {};
}

void transaction_index::apply(std::span<const transaction_event> events) {
    if (events.empty()) {
        return;
    }
    const std::lock_guard guard{mutex_};
    for (const auto& event : events) {
        note(event);
    }
    publish_sizes();
}

void transaction_index::note(const transaction_event& event) {
    if (event.what == transaction_event::kind::prepared) {
        if (event.resumes > log_position{0}) {
            // Replay may come to one that the database has already.
            const auto [first, is_new] =
                resumed_.emplace(event.resumes, resumed_transaction{event.resumes, event.of.position, event.of.offset});
            if (!is_new && first->second.half != event.of.position) {
                return;
            }
        }
        pending_.insert_or_assign(event.of.position, event.of);
        changes_.push_back({event.at, event.of.position, event.of, event.resumes});
        return;
    }
    const auto known = pending_.find(event.of.position);
    if (known == pending_.end()) {
        return;
    }
    if (event.what == transaction_event::kind::decided) {
        pending_.erase(known);
        changes_.push_back({event.at, event.of.position, std::nullopt, {}});
        return;
    }
    known->second.checks = event.of.checks;
    known->second.asked = event.of.asked;
    changes_.push_back({event.at, event.of.position, known->second, {}});
}

std::size_t transaction_index::set_log_min(log_position log_min) {
    const std::lock_guard guard{mutex_};
    const auto end = pending_.lower_bound(log_min);
    const auto gone = static_cast<std::size_t>(std::distance(pending_.begin(), end));
    resumed_.erase(resumed_.begin(), resumed_.lower_bound(log_min));
    pending_.erase(pending_.begin(), end); // their rows go when RocksDB compacts, and load() comes before the log's minimum is known
    publish_sizes();
    return gone;
}

void transaction_index::collect(log_position limit, index_batch& batch) {
    std::map<log_position, std::optional<pending_transaction>> last;
    log_position covered;
    {
        const std::lock_guard guard{mutex_};
        covered = covered_;
        collected_ = 0;
        for (const auto& one : changes_) {
            if (one.at >= limit) {
                break;
            }
            last.insert_or_assign(one.half, one.row);
            if (one.resumes > log_position{0} && one.row) {
                batch.put_resumed_transaction({one.resumes, one.half, one.row->offset});
            }
            ++collected_;
        }
    }
    collected_to_ = limit;
    for (const auto& [position, row] : last) {
        if (row) {
            batch.put_transaction(*row);
        } else if (position < covered) { // one that began and ended since has no row
            batch.remove_transaction(position);
        }
    }
}

void transaction_index::collected(bool is_written) {
    if (is_written && collected_to_ > log_position{0}) {
        const std::lock_guard guard{mutex_};
        changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(collected_));
        covered_ = collected_to_;
        publish_sizes();
    }
    collected_ = 0;
    collected_to_ = log_position{0};
}

std::optional<pending_transaction> transaction_index::find(log_position position) const {
    const std::lock_guard guard{mutex_};
    const auto known = pending_.find(position);
    return known == pending_.end() ? std::nullopt : std::optional{known->second};
}

std::vector<pending_transaction> transaction_index::list(log_position after, log_position end, std::size_t count_max) const {
    std::vector<pending_transaction> found;
    const std::lock_guard guard{mutex_};
    for (auto one = pending_.upper_bound(after); one != pending_.end() && one->first < end && found.size() < count_max; ++one) {
        found.push_back(one->second);
    }
    return found;
}

std::optional<resumed_transaction> transaction_index::resumed_as(log_position given_up) const {
    const std::lock_guard guard{mutex_};
    const auto known = resumed_.find(given_up);
    return known == resumed_.end() ? std::nullopt : std::optional{known->second};
}

std::vector<resumed_transaction> transaction_index::resumed() const {
    std::vector<resumed_transaction> all;
    const std::lock_guard guard{mutex_};
    all.reserve(resumed_.size());
    for (const auto& entry : resumed_) {
        all.push_back(entry.second);
    }
    return all;
}

void transaction_index::publish_sizes() {
    size_.store(pending_.size(), std::memory_order_relaxed);
    changes_count_.store(changes_.size(), std::memory_order_relaxed);
}

} // namespace troupe::storage
