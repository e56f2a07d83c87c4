#include "storage/topic_retention.hpp"

#include "storage/index_entry.hpp"
#include "storage/queue_index.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace troupe::storage {
namespace {

constexpr std::int64_t chunk_entries = 512;

constexpr log_position everything{INT64_MAX};

} // namespace

// ---- topic_floors ---------------------------------------------------------------------------------------------------

log_position topic_floors::of(std::string_view topic) const {
    if (!any_.load(std::memory_order_acquire)) {
        return log_position{0};
    }
    const std::lock_guard guard{mutex_};
    const auto found = floors_.find(topic);
    return found == floors_.end() ? log_position{0} : found->second;
}

void topic_floors::raise(std::string_view topic, log_position floor) {
    const std::lock_guard guard{mutex_};
    auto found = floors_.find(topic);
    if (found == floors_.end()) {
        found = floors_.emplace(std::string{topic}, floor).first;
    }
    found->second = std::max(found->second, floor);
    any_.store(true, std::memory_order_release);
}

void topic_floors::forget(std::string_view topic) {
    const std::lock_guard guard{mutex_};
    if (const auto found = floors_.find(topic); found != floors_.end()) {
        floors_.erase(found);
    }
    any_.store(!floors_.empty(), std::memory_order_release);
}

// ---- topic_retention ------------------------------------------------------------------------------------------------

result<bool> topic_retention::apply(const std::string& topic, std::int32_t queues, const topic_rule& rule, const step& how) {
    const std::lock_guard guard{mutex_};
    log_position floor;
    if (rule.keep.count() > 0) {
        const auto by_time = floor_by_time(topic, queues, timestamp_ms{how.now.value() - rule.keep.count()}, how.visible);
        if (!by_time) {
            return by_time.failure();
        }
        floor = *by_time;
    }
    bool has_more = false;
    if (rule.bytes_max > 0) {
        auto budget = how.entries_max;
        auto all = measure_of(topic, queues, how);
        if (!all) {
            return all.failure();
        }
        auto counted_all = count(topic, **all, how, budget);
        if (!counted_all) {
            return counted_all.failure();
        }
        // Before all is counted nobody knows how much is too much; what is too old goes all the same.
        const auto bytes_max = *counted_all ? rule.bytes_max : UINT64_MAX;
        auto dropped_all = drop(topic, **all, bytes_max, floor, floor, budget);
        if (!dropped_all) {
            return dropped_all.failure();
        }
        has_more = !*counted_all || !*dropped_all;
    } else {
        measured_.erase(topic);
    }
    if (floor > log_position{0}) {
        floors_.raise(topic, floor);
    }
    return has_more;
}

void topic_retention::forget(std::string_view topic) {
    const std::lock_guard guard{mutex_};
    if (const auto found = measured_.find(topic); found != measured_.end()) {
        measured_.erase(found);
    }
    floors_.forget(topic);
}

/// Store times do not decrease along the log: the first record that is young enough, over all queues, has nothing but younger ones
/// behind it.
result<log_position> topic_retention::floor_by_time(const std::string& topic, std::int32_t queues, timestamp_ms oldest,
                                                    log_position visible) const {
    auto floor = visible;
    for (std::int32_t i = 0; i < queues; ++i) {
        auto tail = queues_.find({topic, queue_id{i}});
        if (!tail) {
            return tail.failure();
        }
        auto first = queues_.first_where(**tail, [oldest](const index_entry& entry) { return entry.stored >= oldest; });
        if (!first) {
            return first.failure();
        }
        auto entry = queues_.entries(**tail, queue_offset{*first}, 1, visible);
        if (!entry) {
            return entry.failure();
        }
        if (!entry->empty()) {
            floor = std::min(floor, entry->front().position);
        }
    }
    return floor;
}

/// Counting begins again when the log has let go of a part of what was counted, or the topic is another one.
result<topic_retention::measured*> topic_retention::measure_of(const std::string& topic, std::int32_t queues, const step& how) {
    auto& all = measured_[topic];
    bool is_other = all.log_min != how.log_min;
    for (std::size_t i = 0; i < all.queues.size() && !is_other; ++i) {
        auto tail = queues_.find({topic, queue_id{static_cast<std::int32_t>(i)}});
        if (!tail) {
            return tail.failure();
        }
        is_other = queue_index::end(**tail, everything).value() < all.queues[i].end;
    }
    if (is_other) {
        all = {};
        all.log_min = how.log_min;
    }
    const auto from = std::max(how.log_min, floors_.of(topic));
    while (all.queues.size() < static_cast<std::size_t>(queues)) {
        auto tail = queues_.find({topic, queue_id{static_cast<std::int32_t>(all.queues.size())}});
        if (!tail) {
            return tail.failure();
        }
        auto first = queues_.first_where(**tail, [from](const index_entry& entry) { return entry.position >= from; });
        if (!first) {
            return first.failure();
        }
        all.queues.push_back({*first, *first, {}});
    }
    return &all;
}

/// True when everything that is visible is counted.
result<bool> topic_retention::count(const std::string& topic, measured& all, const step& how, std::size_t& budget) const {
    for (std::size_t i = 0; i < all.queues.size(); ++i) {
        auto& one = all.queues[i];
        auto tail = queues_.find({topic, queue_id{static_cast<std::int32_t>(i)}});
        if (!tail) {
            return tail.failure();
        }
        const auto end = queue_index::end(**tail, how.visible).value();
        while (one.end < end) {
            if (budget == 0) {
                return false;
            }
            const auto wanted = std::min({chunk_entries, end - one.end, static_cast<std::int64_t>(budget)});
            auto entries = queues_.entries(**tail, queue_offset{one.end}, wanted, how.visible);
            if (!entries) {
                return entries.failure();
            }
            if (entries->empty()) {
                return true; // the queue was forgotten just now
            }
            for (const auto& entry : *entries) {
                all.bytes += static_cast<std::uint64_t>(entry.bytes);
            }
            one.end += static_cast<std::int64_t>(entries->size());
            budget -= std::min(budget, entries->size());
        }
    }
    return true;
}

result<void> topic_retention::read_ahead(const topic_queue& queue, counted& one) const {
    if (!one.front.empty() || one.begin >= one.end) {
        return {};
    }
    auto tail = queues_.find(queue);
    if (!tail) {
        return tail.failure();
    }
    auto entries = queues_.entries(**tail, queue_offset{one.begin}, std::min(chunk_entries, one.end - one.begin), everything);
    if (!entries) {
        return entries.failure();
    }
    one.front.assign(entries->begin(), entries->end());
    if (one.front.empty()) {
        one.begin = one.end; // the queue was forgotten just now
    }
    return {};
}

/// Takes the oldest off what is counted while it is too much, or below `below`. True when neither holds any more.
result<bool> topic_retention::drop(const std::string& topic, measured& all, std::uint64_t bytes_max, log_position below,
                                   log_position& floor, std::size_t& budget) const {
    // The next entry of each queue, the one that was stored first on top: topics may have many queues.
    using next_entry = std::pair<log_position, std::size_t>;
    std::priority_queue<next_entry, std::vector<next_entry>, std::greater<>> fronts;
    const auto look = [&](std::size_t queue) -> result<void> {
        auto& one = all.queues[queue];
        if (auto read = read_ahead({topic, queue_id{static_cast<std::int32_t>(queue)}}, one); !read) {
            return read;
        }
        if (!one.front.empty()) {
            fronts.emplace(one.front.front().position, queue);
        }
        return {};
    };
    for (std::size_t queue = 0; queue < all.queues.size(); ++queue) {
        if (auto looked = look(queue); !looked) {
            return looked.failure();
        }
    }
    while (!fronts.empty()) {
        const auto queue = fronts.top().second;
        auto& oldest = all.queues[queue];
        const auto entry = oldest.front.front();
        if (all.bytes <= bytes_max && entry.position >= below) {
            return true;
        }
        if (budget == 0) {
            return false;
        }
        --budget;
        all.bytes -= std::min(all.bytes, static_cast<std::uint64_t>(entry.bytes));
        oldest.front.pop_front();
        ++oldest.begin;
        floor = std::max(floor, entry.position + 1);
        fronts.pop();
        if (auto looked = look(queue); !looked) {
            return looked.failure();
        }
    }
    return true;
}

} // namespace troupe::storage
