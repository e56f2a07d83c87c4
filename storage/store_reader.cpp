#include "storage/store_reader.hpp"

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "storage/commit_log.hpp"
#include "storage/log_index.hpp"
#include "storage/recovery.hpp"
#include "storage/topic_retention.hpp"

#include <algorithm>
#include <utility>

namespace troupe::storage {
namespace {

/// Entries looked at for one read; a filter that matches little gets an answer all the same.
constexpr std::int64_t scan_entries_max = 800;
/// Of the messages that one search by key returns, but for the first: they fit into a frame together.
constexpr std::size_t found_bytes_max = limits::frame_bytes_max - (1u << 20);
/// Records that a filter of properties looks at are read this many at a time.
constexpr std::size_t piece_bytes_max = 256u << 10;

/// Whether an answer of `count` records has no place for one that makes it `bytes` long. The first one always has.
bool is_full(const read_limits& limits, std::size_t count, std::size_t bytes) {
    return count > 0 && (count >= static_cast<std::size_t>(limits.messages_max) || bytes > limits.bytes_max);
}

} // namespace

void damage_reporter::damaged_record(log_position position, const std::string& what) {
    {
        const std::lock_guard guard{mutex_};
        if (reported_.size() >= reported_max) {
            reported_.clear();
        }
        if (!reported_.insert(position).second) {
            return;
        }
    }
    records_.fetch_add(1, std::memory_order_relaxed);
    if (options_.on_event) {
        options_.on_event(store_event::damaged_record, options_.directory.string() + ": damaged record at log position " +
                                                           to_string(position) + " (" + what + "); readers skip it");
    }
}

void damage_reporter::damaged_index(const error& cause) {
    {
        const std::lock_guard guard{mutex_};
        if (std::exchange(index_reported_, true)) {
            return;
        }
    }
    auto requested = request_index_rebuild(*files_, options_.directory);
    if (options_.on_event) {
        options_.on_event(store_event::damaged_record, cause.text + (requested ? "; the next start rebuilds the index from the log"
                                                                               : "; remove the index directory before the next start"));
    }
}

/// Records to fetch: offset and place of each, ascending.
struct store_reader::selection {
    std::vector<queue_offset> offsets;
    std::vector<record_place> places;

    void add(queue_offset offset, const index_entry& entry) {
        offsets.push_back(offset);
        places.push_back({entry.position, static_cast<std::uint32_t>(entry.bytes)});
    }
};

template <class Value>
result<Value> store_reader::noted(result<Value> outcome) const {
    if (outcome.code() == errc::corrupt) {
        damage_.damaged_index(outcome.failure());
    }
    return outcome;
}

result<queue_bounds> store_reader::bounds_of(queue_tail& tail) const {
    const auto max = queue_index::end(tail, visible());
    auto min = noted(index_.queues().begin(tail, std::max(index_.log_min(), floors_.of(tail.name.topic))));
    if (!min) {
        return min.failure();
    }
    return queue_bounds{std::min(*min, max), max};
}

result<queue_bounds> store_reader::bounds(const topic_queue& queue) const {
    auto tail = noted(index_.queues().find(queue));
    return tail ? bounds_of(**tail) : result<queue_bounds>{tail.failure()};
}

result<read_records> store_reader::read(const topic_queue& queue, queue_offset from, const record_filter& filter,
                                        read_limits limits) const {
    auto tail = noted(index_.queues().find(queue));
    if (!tail) {
        return tail.failure();
    }
    auto bounds = bounds_of(**tail);
    if (!bounds) {
        return bounds.failure();
    }
    read_records answer;
    answer.bounds = *bounds;
    answer.next = from;
    if (from < bounds->min) {
        answer.status = read_status::offset_too_small;
        answer.next = bounds->min;
        return answer;
    }
    if (from >= bounds->max) {
        const bool is_empty = bounds->max == queue_offset{0} && from == queue_offset{0};
        answer.status = is_empty ? read_status::empty_queue : from == bounds->max ? read_status::at_end : read_status::offset_too_large;
        answer.next = bounds->max;
        return answer;
    }
    limits.messages_max = std::max(limits.messages_max, 1);
    limits.examined_bytes_max = std::max<std::size_t>(limits.examined_bytes_max, 1);
    const bool wants_all = filter.tag_hashes.empty() && !filter.wants;
    const auto scan_max = wants_all ? std::min<std::int64_t>(limits.messages_max, scan_entries_max) : scan_entries_max;
    auto entries = noted(index_.queues().entries(**tail, from, std::min(scan_max, bounds->max - from), visible()));
    if (!entries) {
        return entries.failure();
    }
    const auto done = filter.wants ? examine(queue, *entries, filter, limits, answer) : select(queue, *entries, filter, limits, answer);
    if (!done) {
        return done.failure();
    }
    answer.status = answer.count > 0 ? read_status::found : read_status::no_match;
    return answer;
}

result<void> store_reader::select(const topic_queue& queue, const std::vector<index_entry>& entries, const record_filter& filter,
                                  read_limits limits, read_records& into) const {
    selection selected;
    std::size_t bytes = 0;
    for (const auto& entry : entries) {
        if (entry.is_hole()) {
            ++into.damaged;
        } else if (filter.wants_tag(entry.tag_hash)) {
            const auto entry_bytes = static_cast<std::size_t>(entry.bytes);
            if (is_full(limits, selected.places.size(), bytes + entry_bytes)) {
                break;
            }
            bytes += entry_bytes;
            selected.add(into.next, entry);
        }
        ++into.next;
    }
    return fetch(queue, selected, into);
}

result<void> store_reader::examine(const topic_queue& queue, const std::vector<index_entry>& entries, const record_filter& filter,
                                   read_limits limits, read_records& into) const {
    std::string taken;
    std::size_t examined = 0;
    auto offset = into.next;
    for (std::size_t i = 0; i < entries.size() && examined < limits.examined_bytes_max;) {
        selection piece;
        std::size_t piece_bytes = 0;
        std::int32_t holes = 0;
        for (; i < entries.size() && piece_bytes < piece_bytes_max && examined < limits.examined_bytes_max; ++i, ++offset) {
            const auto& entry = entries[i];
            if (entry.is_hole()) {
                ++holes;
            } else if (filter.wants_tag(entry.tag_hash)) {
                piece.add(offset, entry);
                piece_bytes += static_cast<std::size_t>(entry.bytes);
                examined += static_cast<std::size_t>(entry.bytes);
            }
        }
        const auto all = take_wanted(queue, piece, filter, limits, taken, into);
        if (!all) {
            return all.failure();
        }
        if (!*all) {
            break;
        }
        into.damaged += holes;
        into.next = offset;
    }
    into.records = payload{std::move(taken)};
    return {};
}

/// False when the answer is full: into.next is then the first record that has no place in it.
result<bool> store_reader::take_wanted(const topic_queue& queue, const selection& selected, const record_filter& filter, read_limits limits,
                                       std::string& taken, read_records& into) const {
    if (selected.places.empty()) {
        return true;
    }
    std::string records;
    auto outcomes = log_.read_all(selected.places, records);
    if (!outcomes) {
        return outcomes.failure();
    }
    std::size_t at = 0; // in records
    for (std::size_t i = 0; i < outcomes->size(); ++i) {
        const auto& place = selected.places[i];
        if ((*outcomes)[i] != errc::none) {
            note_missing(queue, selected.offsets[i], place, place.position >= log_.min_position(), into);
            continue;
        }
        const auto record = std::string_view{records}.substr(at, place.bytes);
        at += place.bytes;
        if (!check_identity(queue, selected.offsets[i], record)) {
            note_missing(queue, selected.offsets[i], place, true, into);
            continue;
        }
        if (!filter.wants(protocol::view_record(record).properties)) {
            continue;
        }
        if (is_full(limits, static_cast<std::size_t>(into.count), taken.size() + record.size())) {
            into.next = selected.offsets[i];
            return false;
        }
        taken += record;
        ++into.count;
    }
    return true;
}

result<void> store_reader::fetch(const topic_queue& queue, const selection& selected, read_records& into) const {
    if (selected.places.empty()) {
        return {};
    }
    std::string records;
    auto outcomes = log_.read_all(selected.places, records);
    if (!outcomes) {
        return outcomes.failure();
    }
    std::size_t at = 0; // in records
    for (std::size_t i = 0; i < outcomes->size(); ++i) {
        const auto& place = selected.places[i];
        bool damaged = place.position >= log_.min_position();
        if ((*outcomes)[i] == errc::none) {
            if (check_identity(queue, selected.offsets[i], std::string_view{records}.substr(at, place.bytes))) {
                at += place.bytes;
                ++into.count;
                continue;
            }
            records.erase(at, place.bytes);
            damaged = true;
        }
        note_missing(queue, selected.offsets[i], place, damaged, into);
    }
    into.records = payload{std::move(records)};
    return {};
}

/// A record that is not there is damaged, or retention was faster.
void store_reader::note_missing(const topic_queue& queue, queue_offset offset, const record_place& place, bool damaged,
                                read_records& into) const {
    if (!damaged) {
        return;
    }
    ++into.damaged;
    damage_.damaged_record(place.position, "queue " + to_string(queue.queue) + " of topic " + queue.topic + ", offset " +
                                               to_string(offset) + ", " + std::to_string(place.bytes) + " bytes");
}

bool store_reader::check_identity(const topic_queue& queue, queue_offset offset, std::string_view record) const {
    return protocol::record_offset(record) == offset && protocol::record_queue(record) == queue.queue &&
           protocol::view_record(record).topic == queue.topic;
}

result<queue_offset> store_reader::offset_at_or_after(const topic_queue& queue, timestamp_ms time) const {
    auto tail = noted(index_.queues().find(queue));
    if (!tail) {
        return tail.failure();
    }
    auto bounds = bounds_of(**tail);
    auto first = noted(index_.queues().first_where(**tail, [time](const index_entry& entry) { return entry.stored >= time; }));
    if (!bounds || !first) {
        return bounds ? first.failure() : bounds.failure();
    }
    return std::clamp(queue_offset{*first}, bounds->min, bounds->max);
}

result<queue_offset> store_reader::offset_at_or_before(const topic_queue& queue, timestamp_ms time) const {
    auto tail = noted(index_.queues().find(queue));
    if (!tail) {
        return tail.failure();
    }
    auto bounds = bounds_of(**tail);
    auto first = noted(index_.queues().first_where(**tail, [time](const index_entry& entry) { return entry.stored > time; }));
    if (!bounds || !first) {
        return bounds ? first.failure() : bounds.failure();
    }
    return std::clamp(std::min(queue_offset{*first}, bounds->max) + -1, bounds->min, bounds->max);
}

result<timestamp_ms> store_reader::stored_at(const topic_queue& queue, queue_offset offset) const {
    auto tail = noted(index_.queues().find(queue));
    if (!tail) {
        return tail.failure();
    }
    auto bounds = bounds_of(**tail);
    if (!bounds) {
        return bounds.failure();
    }
    const error missing{errc::message_not_found,
                        "queue " + to_string(queue.queue) + " of topic " + queue.topic + " has no message at offset " + to_string(offset)};
    if (offset < bounds->min || offset >= bounds->max) {
        return missing;
    }
    auto entries = noted(index_.queues().entries(**tail, offset, 1, visible()));
    if (!entries) {
        return entries.failure();
    }
    return entries->empty() || entries->front().is_hole() ? result<timestamp_ms>{missing} : entries->front().stored;
}

result<payload> store_reader::record_at(log_position position) const {
    if (position >= visible()) {
        return error{errc::message_not_found, "nothing is stored at log position " + to_string(position)};
    }
    auto record = log_.read(position);
    if (record.code() == errc::corrupt) {
        damage_.damaged_record(position, record.failure().text);
    }
    if (record && protocol::view_record(record->view()).topic == forget_topic_name) {
        return error{errc::message_not_found, "no message begins at log position " + to_string(position)};
    }
    return record;
}

result<std::vector<payload>> store_reader::find_by_key(std::string_view topic, std::string_view key, timestamp_ms begin, timestamp_ms end,
                                                       std::int32_t messages_max, std::optional<log_position> below) const {
    std::vector<payload> found;
    const auto forgotten_below = std::max(index_.forgotten_below(topic), floors_.of(topic));
    error failure;
    std::size_t bytes = 0;
    const auto visit = [&](log_position position) {
        if (found.size() >= static_cast<std::size_t>(std::max(messages_max, 0)) || position < index_.log_min()) {
            return false;
        }
        if (position < forgotten_below) {
            return false;
        }
        if (below && position >= *below) {
            return true;
        }
        auto record = record_at(position); // a damaged one is not found
        if (!record) {
            const bool is_missing = record.code() == errc::message_not_found || record.code() == errc::corrupt;
            failure = is_missing ? error{} : record.failure();
            return is_missing;
        }
        const auto stored = protocol::record_stored(record->view());
        const auto view = protocol::view_record(record->view());
        if (view.topic == topic && stored >= begin && stored <= end && has_key(view.properties, key)) {
            bytes += record->size();
            if (bytes > found_bytes_max && !found.empty()) {
                return false;
            }
            found.push_back(*std::move(record));
        }
        return true;
    };
    auto searched = noted(index_.keys().find(key_hash(topic, key), begin, end, visit));
    if (!searched || failure.code != errc::none) {
        return searched ? failure : searched.failure();
    }
    return found;
}

} // namespace troupe::storage
