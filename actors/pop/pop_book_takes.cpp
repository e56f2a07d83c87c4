#include "actors/pop/pop_book.hpp"

#include "actors/pop/pop_reader.hpp"
#include "protocol/message_codec.hpp"

#include <algorithm>

// Taking messages, and looking whether there are any.

namespace troupe::actors {

namespace {

using storage::read_status;

/// Reads of one queue that found nothing for the filter, one after the other, before others have their turn.
constexpr int looks_per_queue_max = 4;

} // namespace

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
    rules.queue_leases_max = std::min(options_.leases_per_queue_max, table.leases() + leases_.room_for(pop.group));
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
    hand_out(where.queue, leases, *again, found.records.view(), pop.ordered, all);
    all.drained += bounds->max <= found.next && !table.has_visible(now) ? 1 : 0;
    all.result.again += static_cast<std::int32_t>(repeated.size());
    return true;
}

void pop_book::hand_out(queue_id queue, const std::vector<storage::pop_lease>& leases, const std::map<queue_offset, payload>& again,
                        std::string_view unread, bool ordered, gathered& all) {
    if (leases.empty())
        return;
    protocol::popped_queue popped{queue, leases.front().offset, {}, {}};
    for (const auto& lease : leases) {
        if (const auto known = again.find(lease.offset); known != again.end()) {
            auto record = redelivered_record(known->second, lease);
            if (!record)
                continue; // the store has checked it; should it be wrong all the same, its lease ends by itself
            all.records += *record;
        } else {
            const auto size = *protocol::record_size(unread); // in order, as they were read
            all.records += unread.substr(0, size);
            unread.remove_prefix(size);
        }
        popped.offsets.push_back(lease.offset);
        if (ordered)
            popped.deliveries.push_back(lease.deliveries - 1);
    }
    all.count += static_cast<std::int32_t>(leases.size());
    all.result.answer.queues.push_back(std::move(popped));
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

} // namespace troupe::actors
