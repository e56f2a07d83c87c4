#include "actors/pop/pop_table.hpp"

#include <algorithm>
#include <limits>

namespace troupe::actors {

using storage::pop_lease;
using storage::popped_queue_changes;

namespace {

/// Most leases are alive: with ten thousand visible ones a pop must not look at all of them for dead ones.
std::size_t examined_max_of(const pop_rules& rules) {
    return static_cast<std::size_t>(std::max(rules.messages_max, 0)) + 2 * pop_table::dead_max;
}

} // namespace

pop_table::pop_table(const storage::popped_queue_state& stored) : next_{stored.next} {
    for (const auto& lease : stored.leases) {
        leases_.emplace(lease.offset, lease);
        visible_.emplace(lease.visible, lease.offset);
    }
}

// ---- popping --------------------------------------------------------------------------------------------------------

/// The batch of the last ordered pop is asked for once more, by the pop that has it, while it has it.
bool pop_table::repeats(const pop_rules& rules) const {
    const auto is_of_batch = [this, &rules](const auto& one) {
        return one.second.popped == attempt_popped_ && rules.now < one.second.visible;
    };
    return !rules.attempt.empty() && rules.attempt == attempt_ && std::any_of(leases_.begin(), leases_.end(), is_of_batch);
}

std::int32_t pop_table::room_for_fresh(const pop_rules& rules, offer& found) const {
    const auto wanted = rules.messages_max - static_cast<std::int32_t>(found.again.size());
    const auto free = rules.queue_leases_max - std::min(leases_.size(), rules.queue_leases_max);
    found.is_full = wanted > 0 && free == 0;
    return static_cast<std::int32_t>(std::min<std::size_t>(static_cast<std::size_t>(std::max(wanted, 0)), free));
}

pop_table::offer pop_table::look(const pop_rules& rules) const {
    if (rules.ordered)
        return look_in_order(rules);
    offer found;
    const auto examined_max = examined_max_of(rules);
    for (auto each = visible_.begin(); each != visible_.end() && each->first <= rules.now && found.examined < examined_max; ++each) {
        ++found.examined;
        const auto& lease = leases_.at(each->second);
        if (lease.deliveries >= rules.deliveries_max) {
            if (found.dead.size() < dead_max)
                found.dead.push_back(lease.offset);
        } else if (static_cast<std::int32_t>(found.again.size()) < rules.messages_max) {
            found.again.push_back(lease);
        }
        if (found.dead.size() >= dead_max && static_cast<std::int32_t>(found.again.size()) >= rules.messages_max)
            break;
    }
    std::sort(found.again.begin(), found.again.end(), [](const auto& x, const auto& y) { return x.offset < y.offset; });
    found.fresh_max = room_for_fresh(rules, found);
    return found;
}

pop_table::offer pop_table::look_in_order(const pop_rules& rules) const {
    offer found;
    const auto has_room = [&found, &rules] { return static_cast<std::int32_t>(found.again.size()) < rules.messages_max; };
    if (repeats(rules)) {
        for (const auto& [offset, lease] : leases_)
            if (lease.popped == attempt_popped_ && !buried_.contains(offset) && has_room())
                found.again.push_back(lease);
        return found;
    }
    // The first message that is out holds up all the others. A dead one holds up those behind it, until it is buried; once that is under
    // way, all: those in front of it were handed out with that look, or wait for its end.
    if (!buried_.empty() || (!visible_.empty() && rules.now < visible_.rbegin()->first))
        return found;
    for (const auto& [offset, lease] : leases_) {
        const bool has_enough = found.dead.empty() ? !has_room() : found.dead.size() >= dead_max;
        if (has_enough || found.examined >= examined_max_of(rules))
            break;
        ++found.examined;
        if (lease.deliveries >= rules.deliveries_max)
            found.dead.push_back(offset);
        else if (found.dead.empty())
            found.again.push_back(lease);
    }
    if (found.dead.empty() && found.again.size() == leases_.size())
        found.fresh_max = room_for_fresh(rules, found);
    return found;
}

std::vector<pop_lease> pop_table::take(const pop_rules& rules, const std::vector<queue_offset>& again,
                                       const std::vector<queue_offset>& fresh, queue_offset next, popped_queue_changes& changes) {
    const bool is_repeated = rules.ordered && repeats(rules);
    const timestamp_ms visible{rules.now.value() + rules.invisible_ms};
    std::vector<pop_lease> taken;
    for (const auto offset : again) {
        auto lease = leases_.at(offset);
        lease.visible = visible;
        lease.popped = rules.now;
        lease.deliveries += is_repeated ? 0 : 1;
        taken.push_back(lease);
    }
    for (const auto offset : fresh)
        taken.push_back({offset, visible, rules.now, rules.now, 1});
    for (const auto& lease : taken)
        put(lease, changes);
    if (next_ < next) {
        next_ = next;
        changes.next = next;
    }
    if (rules.ordered && !taken.empty()) {
        attempt_ = rules.attempt;
        attempt_popped_ = rules.now;
    }
    std::sort(taken.begin(), taken.end(), [](const auto& x, const auto& y) { return x.offset < y.offset; });
    return taken;
}

// ---- what becomes of it ---------------------------------------------------------------------------------------------

pop_table::ack_outcome pop_table::acknowledge(queue_offset offset, timestamp_ms popped, popped_queue_changes& changes) {
    const auto found = leases_.find(offset);
    if (found == leases_.end())
        return offset < next_ ? ack_outcome::stale : ack_outcome::unknown;
    if (found->second.popped != popped || buried_.contains(offset))
        return ack_outcome::stale;
    erase(found, changes);
    return ack_outcome::done;
}

std::optional<pop_lease> pop_table::change_visibility(queue_offset offset, timestamp_ms popped, timestamp_ms now, std::int64_t invisible_ms,
                                                      popped_queue_changes& changes) {
    const auto found = leases_.find(offset);
    if (found == leases_.end() || found->second.popped != popped || buried_.contains(offset))
        return std::nullopt;
    auto lease = found->second;
    const bool is_of_attempt = lease.popped == attempt_popped_;
    lease.popped = std::max(now, timestamp_ms{popped.value() + 1});
    lease.visible = timestamp_ms{std::max(now.value() + invisible_ms, lease.popped.value() + 1)};
    put(lease, changes);
    if (is_of_attempt)
        attempt_.clear(); // the batch is no longer whole: repeating the pop waits like any other
    return lease;
}

std::vector<queue_offset> pop_table::find_dead(timestamp_ms now, std::int32_t deliveries_max, std::size_t dead_wanted, std::size_t& looks) {
    std::vector<queue_offset> dead;
    for (auto each = visible_.upper_bound(dead_looked_at_); looks > 0 && dead.size() < dead_wanted; ++each, --looks) {
        if (each == visible_.end() || now < each->first) {
            dead_looked_at_ = {}; // from the first on, next time
            break;
        }
        dead_looked_at_ = *each;
        if (leases_.at(each->second).deliveries >= deliveries_max)
            dead.push_back(each->second);
    }
    return dead;
}

void pop_table::bury(queue_offset offset) {
    if (const auto found = leases_.find(offset); found != leases_.end() && buried_.insert(offset).second)
        visible_.erase({found->second.visible, offset});
}

void pop_table::unbury(queue_offset offset, timestamp_ms visible, popped_queue_changes& changes) {
    const auto found = leases_.find(offset);
    if (found == leases_.end() || buried_.erase(offset) == 0)
        return;
    auto lease = found->second;
    lease.visible = std::max(visible, timestamp_ms{lease.popped.value() + 1});
    put(lease, changes);
}

void pop_table::remove_buried(queue_offset offset, popped_queue_changes& changes) {
    if (buried_.contains(offset))
        remove(offset, changes);
}

void pop_table::remove(queue_offset offset, popped_queue_changes& changes) {
    if (const auto found = leases_.find(offset); found != leases_.end())
        erase(found, changes);
}

void pop_table::fit(queue_offset min, queue_offset max, popped_queue_changes& changes) {
    while (!leases_.empty() && leases_.begin()->first < min)
        erase(leases_.begin(), changes);
    while (!leases_.empty() && max <= leases_.rbegin()->first)
        erase(std::prev(leases_.end()), changes);
    const auto next = std::min(std::max(next_, min), max);
    if (next != next_) {
        next_ = next;
        changes.next = next;
    }
}

void pop_table::reset(queue_offset next, popped_queue_changes& changes) {
    leases_.clear();
    visible_.clear();
    buried_.clear();
    attempt_.clear();
    next_ = next;
    changes = {true, next, {}};
}

// ---- what it is -----------------------------------------------------------------------------------------------------

void pop_table::put(const pop_lease& lease, popped_queue_changes& changes) {
    const auto [place, added] = leases_.try_emplace(lease.offset, lease);
    if (!added) {
        visible_.erase({place->second.visible, lease.offset});
        place->second = lease;
    }
    visible_.emplace(lease.visible, lease.offset);
    changes.leases.insert_or_assign(lease.offset, lease);
}

void pop_table::erase(lease_map::iterator lease, popped_queue_changes& changes) {
    const auto offset = lease->first;
    visible_.erase({lease->second.visible, offset});
    buried_.erase(offset);
    leases_.erase(lease);
    changes.leases.insert_or_assign(offset, std::nullopt);
}

queue_offset pop_table::committed() const {
    return leases_.empty() ? next_ : leases_.begin()->first;
}

const pop_lease* pop_table::lease(queue_offset offset) const {
    const auto found = leases_.find(offset);
    return found == leases_.end() ? nullptr : &found->second;
}

bool pop_table::has_visible(timestamp_ms now) const {
    return !visible_.empty() && visible_.begin()->first <= now;
}

std::optional<timestamp_ms> pop_table::next_visible(timestamp_ms now) const {
    const auto next = visible_.upper_bound({now, queue_offset{std::numeric_limits<std::int64_t>::max()}});
    return next == visible_.end() ? std::nullopt : std::optional{next->first};
}

storage::popped_queue_state pop_table::state(progress_key key) const {
    storage::popped_queue_state all{std::move(key), next_, {}};
    for (const auto& one : leases_)
        all.leases.push_back(one.second);
    return all;
}

} // namespace troupe::actors
