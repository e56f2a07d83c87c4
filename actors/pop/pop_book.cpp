#include "actors/pop/pop_book.hpp"

#include "actors/pop/pop_reader.hpp"
#include "protocol/message_codec.hpp"

#include <algorithm>
#include <set>

namespace troupe::actors {

namespace {

using storage::read_status;

/// Reads of one queue that found nothing for the filter, one after the other, before others have their turn.
constexpr int looks_per_queue_max = 4;
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

template <class Change>
auto pop_book::with_changes(queue_map::iterator queue, Change change) {
    struct account {
        pop_book& book;
        queue_map::iterator queue;
        std::size_t before;
        ~account() {
            book.count_leases(queue->first.group, before, queue->second.table.leases());
            if (const auto noted = book.changes_.find(queue->first); noted != book.changes_.end() && is_empty(noted->second))
                book.changes_.erase(noted);
        }
    };
    const account keep{*this, queue, queue->second.table.leases()};
    return change(queue->second.table, changes_[queue->first]);
}

pop_book::pop_book(pop_book_options options, std::unique_ptr<storage::pop_store> store,
                   const std::vector<storage::popped_queue_state>& popped)
    : options_{std::move(options)}, store_{std::move(store)} {
    load(popped);
}

void pop_book::load(const std::vector<storage::popped_queue_state>& popped) {
    queues_.clear();
    changes_.clear();
    group_leases_.clear();
    leases_ = buried_ = 0;
    for (const auto& queue : popped) {
        const auto loaded = queues_.emplace(queue.key, popped_queue{pop_table{queue}, std::nullopt, true, {}}).first;
        count_leases(queue.key.group, 0, queue.leases.size());
        // Before anything new is stored there: a log that a power loss has cut must not grow past `next` unseen.
        (void)fit(loaded); // what cannot be read now is fitted when it is popped
    }
}

void pop_book::count_leases(const std::string& group, std::size_t before, std::size_t after) {
    if (before == after)
        return;
    leases_ = leases_ - before + after;
    auto& of_group = group_leases_[group];
    of_group = of_group - before + after;
    if (of_group == 0)
        group_leases_.erase(group);
}

std::size_t pop_book::room_for(const std::string& group) const {
    const auto known = group_leases_.find(group);
    const auto own = known == group_leases_.end() ? 0 : known->second;
    const auto sharers = group_leases_.size() + (own == 0 ? 1 : 0);
    const auto share = std::max<std::size_t>(options_.leases_total_max / sharers, 1);
    return std::max(options_.leases_total_max - std::min(leases_, options_.leases_total_max), share - std::min(own, share));
}

/// What the log does not have goes.
result<void> pop_book::fit(queue_map::iterator queue) {
    const auto bounds = options_.log->bounds(queue->first.queue);
    if (!bounds)
        return bounds.failure();
    with_changes(queue, [&](pop_table& table, auto& changes) { table.fit(bounds->min, bounds->max, changes); });
    return {};
}

// ---- popping --------------------------------------------------------------------------------------------------------

pop_book::attempt pop_book::try_pop(const checked_pop& order, timestamp_ms now) {
    gathered all;
    const auto& pop = order.pop;
    all.result.answer.kind = pop.kind;
    if (broken_) {
        all.result.failure = {errc::io, "what was popped cannot be read or written now; pop again later"};
        return std::move(all.result);
    }
    const auto queues = pop.queue.value() >= 0 ? 1 : std::max(order.queues, 0);
    const auto start = queues == 0 ? 0 : next_start_++ % static_cast<std::uint64_t>(queues);
    for (std::int32_t i = 0; i < queues && all.count < pop.messages_max && all.records.size() < options_.bytes_per_pop_max; ++i) {
        const auto any = static_cast<std::int32_t>((start + static_cast<std::uint64_t>(i)) % static_cast<std::uint64_t>(queues));
        const progress_key key{pop.group, {pop.topic, pop.queue.value() >= 0 ? pop.queue : queue_id{any}}};
        const auto known = queues_.find(key);
        const auto glimpsed = glimpses_.find(key);
        bool goes_on = true;
        if (known != queues_.end())
            goes_on =
                pop.kind == pop_kind::peek ? look_at(order, key.queue, known->second.table.next(), all) : gather(order, known, now, all);
        else if (pop.kind != pop_kind::take && glimpsed != glimpses_.end())
            goes_on = look_at(order, key.queue, glimpsed->second, all);
        else
            all.result.unknown.push_back(key);
        if (!goes_on || (pop.kind == pop_kind::notify && all.result.found))
            break;
    }
    auto& answer = all.result.answer;
    all.result.found = all.result.found || all.count > 0;
    all.result.is_drained = pop.kind == pop_kind::take && all.drained == queues;
    answer.status = all.result.found ? pop_status::found : pop_status::nothing;
    answer.popped = now;
    answer.invisible_ms = pop.invisible_ms;
    answer.revive_queue = pop.ordered ? protocol::ordered_revive_queue : 0;
    answer.records = payload{std::move(all.records)};
    if (all.result.found) // what was taken is handed out, whatever came after
        all.result.failure = {};
    return std::move(all.result);
}

bool pop_book::look_at(const checked_pop& order, const topic_queue& where, queue_offset next, gathered& all) const {
    const auto fail = [&all](const error& failure) {
        all.result.failure = failure;
        return false;
    };
    const auto bounds = options_.log->bounds(where);
    if (!bounds)
        return fail(bounds.failure());
    const bool is_notice = order.pop.kind == pop_kind::notify;
    const auto messages_max = is_notice ? 1 : order.pop.messages_max - all.count;
    const auto from = std::min(std::max(next, bounds->min), bounds->max);
    const auto read = read_fresh(order, where, from, bounds->max, messages_max, options_.bytes_per_pop_max - all.records.size());
    if (!read)
        return fail(read.failure());
    all.result.answer.rest += std::max<std::int64_t>(bounds->max - read->next, 0);
    const auto offsets = offsets_of_records(read->records.view());
    if (is_notice) {
        // Where it stopped looking nobody keeps: whoever takes may find something there.
        all.result.found = all.result.found || !offsets.empty() || read->more;
        return true;
    }
    if (!offsets.empty())
        all.result.answer.queues.push_back({where.queue, offsets.front(), offsets, {}});
    all.records += read->records.view();
    all.count += static_cast<std::int32_t>(offsets.size());
    return true;
}

bool pop_book::gather(const checked_pop& order, queue_map::iterator queue, timestamp_ms now, gathered& all) {
    const auto& pop = order.pop;
    const auto fail = [&all](const error& failure) {
        all.result.failure = failure;
        return false;
    };
    const auto& where = queue->first.queue;
    const auto bounds = options_.log->bounds(where);
    if (!bounds)
        return fail(bounds.failure());
    with_changes(queue, [&](pop_table& table, auto& changes) { table.fit(bounds->min, bounds->max, changes); });

    pop_rules rules;
    rules.now = now;
    rules.invisible_ms = pop.invisible_ms;
    rules.messages_max = pop.messages_max - all.count;
    rules.ordered = pop.ordered;
    rules.attempt = pop.attempt;
    rules.deliveries_max = order.deliveries_max;
    auto& table = queue->second.table;
    rules.queue_leases_max = std::min(options_.leases_per_queue_max, table.leases() + room_for(pop.group));
    queue->second.used = now;
    const auto offer = table.look(rules);
    // Only an acknowledgement takes this back: whoever looks after the one who waits may find something else.
    queue->second.is_awaited |= offer.is_full || (pop.ordered && offer.again.empty() && table.leases() > 0);
    all.result.is_crowded = all.result.is_crowded || offer.is_full;
    const auto buried = bury_dead(queue, offer.dead, all.result.dead);
    if (!buried)
        return fail(buried.failure());
    all.result.is_crowded = all.result.is_crowded || !*buried; // nobody else tells when there is room again
    if (pop.kind == pop_kind::notify && !offer.again.empty()) {
        all.result.found = true;
        return true;
    }

    const auto room = options_.bytes_per_pop_max - all.records.size();
    auto again = read_again(queue, offer.again, room);
    if (!again)
        return fail(again.failure());
    std::size_t bytes = 0;
    for (const auto& one : *again)
        bytes += one.second.size();
    fresh found{table.next(), {}, false};
    const bool is_cut = again->size() < offer.again.size(); // some may be gone: at the next look
    const bool is_late = pop.ordered && is_cut;
    if (offer.fresh_max > 0 && bytes < room && !is_late) {
        auto read = read_fresh(order, where, table.next(), bounds->max, pop.kind == pop_kind::notify ? 1 : offer.fresh_max, room - bytes);
        if (!read)
            return fail(read.failure());
        found = std::move(*read);
    }
    all.result.more = all.result.more || found.more || is_cut;
    all.result.answer.rest += std::max<std::int64_t>(bounds->max - found.next, 0);
    const auto offsets = offsets_of_records(found.records.view());
    if (pop.kind == pop_kind::notify) {
        all.result.found = all.result.found || !offsets.empty();
        const auto next = offsets.empty() ? found.next : offsets.front();
        with_changes(queue, [&](pop_table& changed, auto& changes) { return changed.take(rules, {}, {}, next, changes); });
        return true;
    }

    std::vector<queue_offset> repeated;
    for (const auto& one : *again)
        repeated.push_back(one.first);
    const auto leases =
        with_changes(queue, [&](pop_table& changed, auto& changes) { return changed.take(rules, repeated, offsets, found.next, changes); });
    protocol::popped_queue popped{where.queue, leases.empty() ? queue_offset{} : leases.front().offset, {}, {}};
    auto rest = found.records.view();
    for (const auto& lease : leases) {
        if (const auto known = again->find(lease.offset); known != again->end()) {
            auto record = redelivered_record(known->second, lease);
            if (!record)
                continue; // the store has checked it; should it be wrong all the same, its lease ends by itself
            all.records += *record;
        } else {
            const auto size = *protocol::record_size(rest); // in order, as they were read
            all.records += rest.substr(0, size);
            rest.remove_prefix(size);
        }
        popped.offsets.push_back(lease.offset);
        if (pop.ordered)
            popped.deliveries.push_back(lease.deliveries - 1);
    }
    all.count += static_cast<std::int32_t>(leases.size());
    all.drained += bounds->max <= found.next && !table.has_visible(now) ? 1 : 0;
    all.result.again += static_cast<std::int32_t>(repeated.size());
    if (!leases.empty())
        all.result.answer.queues.push_back(std::move(popped));
    return true;
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

result<std::map<queue_offset, payload>> pop_book::read_again(queue_map::iterator queue, const std::vector<storage::pop_lease>& again,
                                                             std::size_t bytes_max) {
    std::map<queue_offset, payload> records;
    std::size_t bytes = 0;
    for (const auto& lease : again) {
        if (bytes >= bytes_max)
            break;
        auto record = read_one(*options_.log, queue->first.queue, lease.offset);
        if (!record)
            return record.failure();
        if (!*record) {
            with_changes(queue, [&lease](pop_table& table, auto& changes) { table.remove(lease.offset, changes); });
            continue;
        }
        bytes += (*record)->size();
        records.emplace(lease.offset, std::move(**record));
    }
    return records;
}

result<pop_book::fresh> pop_book::read_fresh(const checked_pop& order, const topic_queue& queue, queue_offset from, queue_offset max,
                                             std::int32_t messages_max, std::size_t bytes_max) const {
    static const storage::record_filter every_message;
    fresh found{from, {}, false};
    for (int looks = 0; found.next < max; ++looks) {
        if (looks == looks_per_queue_max) {
            found.more = true;
            break;
        }
        auto read = options_.log->read(queue, found.next, order.filter ? *order.filter : every_message, {messages_max, bytes_max});
        if (!read)
            return read.failure();
        if (read->status == read_status::at_end || read->status == read_status::empty_queue)
            break;
        found.next = read->next;
        if (read->status == read_status::found) {
            found.records = std::move(read->records);
            break;
        }
    }
    return found;
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
        count_leases(each->first.group, each->second.table.leases(), 0);
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

lease_leaders::counts pop_book::largest_groups(std::size_t groups_max) const {
    lease_leaders::counts largest(std::min(groups_max, group_leases_.size()));
    std::partial_sort_copy(group_leases_.begin(), group_leases_.end(), largest.begin(), largest.end(),
                           [](const auto& x, const auto& y) { return x.second != y.second ? x.second > y.second : x.first < y.first; });
    return largest;
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
