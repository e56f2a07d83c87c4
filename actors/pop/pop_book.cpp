#include "actors/pop/pop_book.hpp"

#include "actors/pop/pop_reader.hpp"
#include "protocol/message_codec.hpp"

#include <algorithm>

namespace troupe::actors {

namespace {

constexpr std::size_t dead_letters_max = 32;  ///< on their way
constexpr std::size_t dead_looks_max = 4'000; ///< leases, and queues without one, that are looked at in one round for dead messages
constexpr std::size_t dead_per_queue_max = 8; ///< in such a round, so that no queue has all of it

bool is_meant(const progress_key& key, const std::string& group, const std::string& topic) {
    return (group.empty() || key.group == group) && (topic.empty() || key.queue.topic == topic);
}

bool is_empty(const storage::popped_queue_changes& changes) {
    return !changes.forget && !changes.next && changes.leases.empty();
}

} // namespace

pop_book::pop_book(pop_book_options options, std::unique_ptr<storage::pop_store> store,
                   const std::vector<storage::popped_queue_state>& popped)
    : options_{std::move(options)}, store_{std::move(store)}, leases_{options_.leases_total_max} {
    load(popped);
}

void pop_book::settle(queue_map::iterator queue, std::size_t leases_before) {
    leases_.change(queue->first.group, leases_before, queue->second.table.leases());
    if (const auto noted = changes_.find(queue->first); noted != changes_.end() && is_empty(noted->second))
        changes_.erase(noted);
}

void pop_book::load(const std::vector<storage::popped_queue_state>& popped) {
    queues_.clear();
    changes_.clear();
    leases_.clear();
    buried_ = 0;
    for (const auto& queue : popped) {
        const auto loaded = queues_.emplace(queue.key, popped_queue{pop_table{queue}, std::nullopt, true, {}}).first;
        leases_.change(queue.key.group, 0, queue.leases.size());
        // Before anything new is stored there: a log that a power loss has cut must not grow past `next` unseen.
        (void)fit(loaded); // what cannot be read now is fitted when it is popped
    }
}

/// What the log does not have goes.
result<void> pop_book::fit(queue_map::iterator queue) {
    const auto bounds = options_.log->bounds(queue->first.queue);
    if (!bounds)
        return bounds.failure();
    with_changes(queue, [&](pop_table& table, auto& changes) { table.fit(bounds->min, bounds->max, changes); });
    return {};
}

// ---- opening --------------------------------------------------------------------------------------------------------

result<void> pop_book::open(const progress_key& key, std::optional<queue_offset> committed, bool from_end) {
    if (is_open(key) || broken_)
        return {};
    const auto bounds = options_.log->bounds(key.queue);
    if (!bounds)
        return bounds.failure();
    const auto next = std::min(committed.value_or(from_end ? bounds->max : bounds->min), bounds->max);
    const auto queue = queues_.emplace(key, popped_queue{pop_table{next}, std::nullopt, true, {}}).first;
    changes_[key] = {true, queue->second.table.next(), {}};
    return {};
}

void pop_book::glimpse(const progress_key& key, std::optional<queue_offset> committed) {
    glimpses_.insert_or_assign(key, committed.value_or(queue_offset{0})); // cut to the queue when it is looked at
}

void pop_book::end_glimpses(const std::string& group, const std::string& topic) {
    std::erase_if(glimpses_, [&](const auto& entry) { return is_meant(entry.first, group, topic); });
}

// ---- what becomes of it ---------------------------------------------------------------------------------------------

std::vector<pop_table::ack_outcome> pop_book::acknowledge(const progress_key& key, const std::vector<queue_offset>& offsets,
                                                          timestamp_ms popped) {
    std::vector<pop_table::ack_outcome> outcomes(offsets.size(), pop_table::ack_outcome::stale);
    if (const auto queue = queues_.find(key); queue != queues_.end())
        with_changes(queue, [&](pop_table& table, auto& changes) {
            for (std::size_t i = 0; i < offsets.size(); ++i)
                outcomes[i] = table.acknowledge(offsets[i], popped, changes);
        });
    return outcomes;
}

std::optional<storage::pop_lease> pop_book::change_visibility(const progress_key& key, queue_offset offset, timestamp_ms popped,
                                                              timestamp_ms now, std::int64_t invisible_ms) {
    const auto queue = queues_.find(key);
    if (queue == queues_.end())
        return std::nullopt;
    return with_changes(
        queue, [&](pop_table& table, auto& changes) { return table.change_visibility(offset, popped, now, invisible_ms, changes); });
}

void pop_book::dead_letter_stored(const progress_key& key, queue_offset offset) {
    buried_ -= std::min<std::size_t>(buried_, 1);
    if (const auto queue = queues_.find(key); queue != queues_.end())
        with_changes(queue, [offset](pop_table& table, auto& changes) { table.remove_buried(offset, changes); });
}

void pop_book::dead_letter_failed(const progress_key& key, queue_offset offset, timestamp_ms when) {
    buried_ -= std::min<std::size_t>(buried_, 1);
    if (const auto queue = queues_.find(key); queue != queues_.end())
        with_changes(queue, [offset, when](pop_table& table, auto& changes) { table.unbury(offset, when, changes); });
}

void pop_book::reset(const progress_key& key, queue_offset next) {
    const auto queue = queues_.find(key);
    if (queue == queues_.end())
        return;
    with_changes(queue, [next](pop_table& table, auto& changes) { table.reset(next, changes); });
    queue->second.told = next; // by whoever resets it
}

void pop_book::follow(const progress_key& key, queue_offset committed) {
    const auto queue = queues_.find(key);
    if (queue == queues_.end())
        return;
    const auto next = std::max(queue->second.table.next(), committed);
    with_changes(queue, [&](pop_table& table, auto& changes) { table.fit(committed, next, changes); });
}

std::vector<std::pair<progress_key, queue_offset>> pop_book::progress_of(const std::string& group, const std::string& topic) const {
    std::vector<std::pair<progress_key, queue_offset>> all;
    for (const auto& [key, queue] : queues_)
        if (is_meant(key, group, topic))
            all.emplace_back(key, queue.table.committed());
    return all;
}

void pop_book::forget(const std::string& group, const std::string& topic) {
    for (auto each = queues_.begin(); each != queues_.end();) {
        if (!is_meant(each->first, group, topic)) {
            ++each;
            continue;
        }
        changes_[each->first] = {true, std::nullopt, {}};
        leases_.change(each->first.group, each->second.table.leases(), 0);
        each = queues_.erase(each);
    }
}

// ---- from time to time ----------------------------------------------------------------------------------------------

std::vector<std::pair<progress_key, queue_offset>> pop_book::sweep(std::size_t queues_max, timestamp_ms now, std::int64_t idle_ms,
                                                                   const std::function<bool(const progress_key&)>& somebody_waits) {
    std::vector<std::pair<progress_key, queue_offset>> idle;
    if (broken_)
        return idle;
    auto each = swept_ ? queues_.upper_bound(*swept_) : queues_.begin();
    for (std::size_t looked = 0; looked < queues_max && each != queues_.end(); ++looked, ++each) {
        (void)fit(each); // what cannot be read now is fitted another time
        swept_ = each->first;
        auto& queue = each->second;
        if (queue.used.value() == 0 || now < queue.used || somebody_waits(each->first)) // or the clock was set back
            queue.used = now;
        if (queue.table.leases() == 0 && idle_ms <= now - queue.used)
            idle.emplace_back(each->first, queue.table.committed());
    }
    if (each == queues_.end())
        swept_.reset();
    return idle;
}

result<bool> pop_book::bury_dead(queue_map::iterator queue, const std::vector<queue_offset>& dead, std::vector<dead_letter>& letters) {
    for (const auto offset : dead) {
        if (buried_ >= dead_letters_max)
            return false;
        const auto record = read_one(*options_.log, queue->first.queue, offset);
        if (!record)
            return record.failure();
        if (!*record) {
            with_changes(queue, [offset](pop_table& table, auto& changes) { table.remove(offset, changes); });
            continue;
        }
        const auto deliveries = queue->second.table.lease(offset)->deliveries;
        queue->second.table.bury(offset);
        ++buried_;
        letters.push_back({queue->first, offset, protocol::record_position((*record)->view()), deliveries});
    }
    return true;
}

std::vector<pop_book::dead_letter> pop_book::bury_expired(timestamp_ms now, const group_tries& tries) {
    std::vector<dead_letter> letters;
    if (broken_)
        return letters;
    std::size_t looks = dead_looks_max;
    auto each = dead_swept_ ? queues_.upper_bound(*dead_swept_) : queues_.begin();
    for (std::size_t queues = 0; queues < queues_.size() && looks > 0 && buried_ < dead_letters_max; ++queues, --looks, ++each) {
        if (each == queues_.end())
            each = queues_.begin();
        dead_swept_ = each->first;
        auto& table = each->second.table;
        if (!table.has_visible(now))
            continue;
        ++looks; // of the queue, which is one of its leases
        const auto dead = table.find_dead(now, tries.deliveries_max(each->first.group), dead_per_queue_max, looks);
        if (const auto buried = bury_dead(each, dead, letters); !buried || looks == 0)
            break; // what cannot be read now is buried another time
    }
    return letters;
}

void pop_book::close(const progress_key& key, queue_offset committed, timestamp_ms idle_since) {
    const auto queue = queues_.find(key);
    const bool is_idle = queue != queues_.end() && queue->second.table.leases() == 0 && queue->second.table.next() == committed &&
                         queue->second.used <= idle_since;
    if (!is_idle || broken_)
        return;
    changes_[key] = {true, std::nullopt, {}};
    queues_.erase(queue);
}

// ---- the disk -------------------------------------------------------------------------------------------------------

pop_book::outcome pop_book::write(bool sync) {
    outcome done;
    if (broken_) {
        done.written = error{errc::io, "what was popped cannot be written now; try again later"};
        return done;
    }
    if (changes_.empty())
        return done;
    done.written = store_->change(changes_, sync);
    if (!done.written) {
        broken_ = true;
        return done;
    }
    for (const auto& entry : std::exchange(changes_, {}))
        if (const auto queue = queues_.find(entry.first); queue != queues_.end()) {
            const auto committed = queue->second.table.committed();
            if (queue->second.told != committed)
                done.committed.emplace_back(entry.first, committed);
            queue->second.told = committed;
        }
    return done;
}

result<void> pop_book::reload() {
    if (auto opened = store_->reopen(); !opened)
        return opened;
    const auto popped = store_->load();
    if (!popped)
        return popped.failure();
    load(*popped);
    broken_ = false;
    return {};
}

// ---- what it is -----------------------------------------------------------------------------------------------------

std::optional<timestamp_ms> pop_book::next_visible(const std::string& group, const std::string& topic, timestamp_ms now) const {
    std::optional<timestamp_ms> next;
    for (auto each = queues_.lower_bound({group, {topic, queue_id{0}}});
         each != queues_.end() && each->first.group == group && each->first.queue.topic == topic; ++each)
        if (const auto visible = each->second.table.next_visible(now); visible && (!next || *visible < *next))
            next = visible;
    return next;
}

bool pop_book::take_awaited(const progress_key& key) {
    const auto queue = queues_.find(key);
    return queue != queues_.end() && std::exchange(queue->second.is_awaited, false);
}

std::vector<std::pair<topic_queue, queue_offset>> pop_book::next_of(const std::string& group) const {
    std::vector<std::pair<topic_queue, queue_offset>> all;
    for (auto each = queues_.lower_bound({group, {}}); each != queues_.end() && each->first.group == group; ++each)
        all.emplace_back(each->first.queue, each->second.table.next());
    return all;
}

std::map<std::string, protocol::traced_pop> pop_book::find(const topic_queue& queue, queue_offset offset) const {
    std::map<std::string, protocol::traced_pop> all;
    for (const auto& [key, popped] : queues_) {
        if (key.queue != queue || offset >= popped.table.next())
            continue;
        auto& found = all[key.group];
        const auto* const lease = popped.table.lease(offset);
        found.is_known = true;
        found.is_acknowledged = lease == nullptr;
        if (lease != nullptr) {
            found.visible = lease->visible;
            found.last = lease->popped;
            found.deliveries = lease->deliveries;
        }
    }
    return all;
}

} // namespace troupe::actors
