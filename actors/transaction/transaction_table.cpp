#include "actors/transaction/transaction_table.hpp"

#include <algorithm>
#include <cassert>

namespace troupe::actors {

std::string_view to_string_view(transaction_decision decision) {
    switch (decision) {
    case transaction_decision::commit: return "commit";
    case transaction_decision::roll_back: return "rollback";
    default: return "unknown";
    }
}

std::chrono::milliseconds transaction_table::look_after() const {
    constexpr std::chrono::milliseconds shortest_immunity{1'000}; // the property is in seconds
    return std::min(rules_.timeout, shortest_immunity);
}

void transaction_table::add(const storage::pending_transaction& pending, const facts& of, timestamp_ms now) {
    seen_ = std::max(seen_, pending.position);
    const auto [known, is_new] = entries_.try_emplace(pending.position);
    if (!is_new)
        return;
    const auto group = groups_.try_emplace(of.group).first;
    ++group->second;
    auto& one = known->second;
    one.group = &group->first;
    one.stored = std::min(pending.stored, now); // later only if the clock was set back
    one.checks = pending.checks;
    auto due = one.stored + of.immunity.value_or(rules_.timeout).count();
    if (pending.checks > 0)
        due = std::max(due, std::min(pending.asked, now) + rules_.interval.count());
    if (rules_.age_max.count() > 0)
        due = std::min(due, one.stored + rules_.age_max.count());
    wait(known, due);
}

void transaction_table::forget(log_position position) {
    const auto known = entries_.find(position);
    if (known == entries_.end())
        return;
    due_.erase({known->second.due, position});
    const auto group = groups_.find(*known->second.group);
    entries_.erase(known);
    if (--group->second == 0)
        groups_.erase(group);
}

void transaction_table::wait(std::map<log_position, entry>::iterator known, timestamp_ms due) {
    auto& one = known->second;
    if (one.is_waiting)
        due_.erase({one.due, known->first});
    one.due = due;
    one.is_waiting = true;
    due_.emplace(due, known->first);
}

bool transaction_table::is_over(const entry& one, timestamp_ms now) const {
    return one.checks >= rules_.checks_max || (rules_.age_max.count() > 0 && one.stored + rules_.age_max.count() <= now);
}

std::vector<transaction_table::need> transaction_table::take_due(timestamp_ms now, std::size_t count_max) {
    if (now < latest_)
        clock_set_back(now);
    latest_ = now;
    std::vector<need> taken;
    while (!due_.empty() && due_.begin()->first <= now && taken.size() < count_max) {
        const auto known = entries_.find(due_.begin()->second);
        due_.erase(due_.begin());
        auto& one = known->second;
        one.is_waiting = false;
        if (deciding_.contains(known->first)) { // forgotten when that succeeds
            wait(known, now + rules_.interval.count());
            continue;
        }
        taken.push_back({known->first, is_over(one, now) ? step::give_up : step::ask, *one.group, one.checks + 1});
    }
    return taken;
}

void transaction_table::asked(log_position position, timestamp_ms now) {
    const auto known = entries_.find(position);
    if (known == entries_.end())
        return;
    ++known->second.checks;
    wait(known, now + rules_.interval.count());
}

void transaction_table::not_asked(log_position position, timestamp_ms now) {
    if (const auto known = entries_.find(position); known != entries_.end())
        wait(known, now + rules_.interval.count());
}

std::optional<timestamp_ms> transaction_table::next_due() const {
    return due_.empty() ? std::nullopt : std::optional{due_.begin()->first};
}

transaction_table::verdict transaction_table::begin(log_position position, std::optional<transaction_decision> decision) {
    const auto [under_way, is_first] = deciding_.try_emplace(position, decision);
    if (is_first)
        return verdict::begin;
    return under_way->second == decision ? verdict::same_under_way : verdict::other_under_way;
}

void transaction_table::decided(log_position position) {
    const auto under_way = deciding_.extract(position);
    assert(!under_way.empty());
    remember(position, under_way.mapped());
    forget(position);
}

void transaction_table::failed(log_position position, timestamp_ms now) {
    deciding_.erase(position);
    if (const auto known = entries_.find(position); known != entries_.end() && !known->second.is_waiting)
        wait(known, now + rules_.interval.count());
}

void transaction_table::remember(log_position position, std::optional<transaction_decision> decision) {
    if (!recent_.insert_or_assign(position.value(), decision).second)
        return;
    recent_order_.push_back(position);
    if (recent_order_.size() > recent_max) {
        recent_.erase(recent_order_.front().value());
        recent_order_.pop_front();
    }
}

std::optional<transaction_table::outcome> transaction_table::recent(log_position position) const {
    const auto known = recent_.find(position.value());
    return known == recent_.end() ? std::nullopt : std::optional{outcome{known->second}};
}

/// All times are of the clock as it was.
void transaction_table::clock_set_back(timestamp_ms now) {
    const auto set_back_by = latest_ - now;
    for (auto known = entries_.begin(); known != entries_.end(); ++known) {
        known->second.stored = known->second.stored + -set_back_by;
        if (known->second.is_waiting)
            wait(known, known->second.due + -set_back_by);
    }
}

} // namespace troupe::actors
