#include "tests/scenario/pop_history.hpp"

#include <algorithm>

namespace troupe::scenario {

namespace {

/// Two deliveries in one millisecond get times that differ, so a lease may end that much earlier than its handle says.
constexpr std::int64_t slack_ms = 5;

std::string to_text(const pop_history::place& where) {
    return where.queue + " offset " + std::to_string(where.offset);
}

} // namespace

void pop_history::sending(const std::string& id) {
    const std::lock_guard lock{mutex_};
    sent_.insert(id);
}

void pop_history::stored(const std::string& id, int attempts) {
    const std::lock_guard lock{mutex_};
    stored_[id] = attempts;
    if (dead_.contains(id))
        return;
    if (const auto at = places_of_.find(id); at != places_of_.end())
        for (const auto& where : at->second)
            if (places_.at(where).back().acknowledging)
                return;
    unsettled_.insert(id);
}

/// No change of its invisible time is without an answer, which may have given it another.
bool pop_history::delivery_notes::is_handle_sure() const {
    return std::all_of(changes.begin(), changes.end(), [](const change& one) { return one.answered; });
}

bool pop_history::delivery_notes::is_settled() const {
    return acknowledged && is_handle_sure() && answered < visible;
}

pop_history::delivery_notes* pop_history::find(const handle& delivery) {
    const auto at = places_.find(delivery.where);
    if (at == places_.end())
        return nullptr;
    const auto found = std::find_if(at->second.begin(), at->second.end(), [&](const auto& one) { return one.current == delivery.popped; });
    return found == at->second.end() ? nullptr : &*found;
}

void pop_history::delivered(const std::string& id, const handle& delivery, std::int32_t delivered_before, std::int64_t invisible_ms) {
    const std::lock_guard lock{mutex_};
    if (!sent_.contains(id))
        problems_.push_back("nobody sent " + id);
    auto& all = places_[delivery.where];
    if (!all.empty() && all.front().id != id)
        problems_.push_back(to_text(delivery.where) + " was " + all.front().id + ", and is " + id);
    delivery_notes notes;
    notes.id = id;
    notes.popped = notes.current = delivery.popped;
    notes.visible = timestamp_ms{delivery.popped.value() + invisible_ms};
    notes.before = delivered_before;
    notes.round = round_;
    all.push_back(std::move(notes));
    places_of_[id].insert(delivery.where);
    if (stored_.contains(id) && !dead_.contains(id))
        unsettled_.insert(id);
}

void pop_history::acknowledging(const handle& delivery) {
    const std::lock_guard lock{mutex_};
    if (auto* notes = find(delivery)) {
        notes->acknowledging = true;
        unsettled_.erase(notes->id);
    }
}

void pop_history::acknowledged(const handle& delivery, timestamp_ms answered) {
    const std::lock_guard lock{mutex_};
    if (auto* notes = find(delivery); notes && !notes->acknowledged) {
        notes->acknowledged = true;
        notes->acknowledged_round = round_;
        notes->answered = answered;
        ++acknowledgements_;
    }
}

void pop_history::changing(const handle& delivery, timestamp_ms asked, std::int64_t invisible_ms) {
    const std::lock_guard lock{mutex_};
    if (auto* notes = find(delivery))
        notes->changes.push_back({asked, invisible_ms, round_});
}

void pop_history::changed(const handle& delivery, timestamp_ms after, std::int64_t invisible_ms) {
    const std::lock_guard lock{mutex_};
    auto* notes = find(delivery);
    if (!notes || notes->changes.empty())
        return;
    notes->changes.back().answered = true;
    if (after <= notes->current)
        problems_.push_back(to_text(delivery.where) + ": a changed invisible time has a handle that is not newer");
    notes->current = after;
    notes->visible = timestamp_ms{after.value() + invisible_ms};
}

void pop_history::change_refused(const handle& delivery, timestamp_ms answered) {
    const std::lock_guard lock{mutex_};
    auto* notes = find(delivery);
    if (!notes || notes->changes.empty())
        return;
    if (notes->changes.back().round != round_)
        return; // it may have been done, and refused only when the client asked again
    notes->changes.pop_back();
    if (!notes->acknowledging && notes->is_handle_sure() && answered < notes->visible)
        problems_.push_back(to_text(delivery.where) + ": a handle was refused " +
                            std::to_string(notes->visible.value() - answered.value()) + " ms before its time was over");
}

void pop_history::pop_unanswered() {
    const std::lock_guard lock{mutex_};
    ++pops_unanswered_;
}

void pop_history::broker_dies() {
    const std::lock_guard lock{mutex_};
    ++round_;
}

void pop_history::broker_died() {
    broker_dies();
}

void pop_history::dead_letter(const std::string& id, timestamp_ms stored) {
    const std::lock_guard lock{mutex_};
    if (!sent_.contains(id))
        problems_.push_back("nobody sent the dead letter " + id);
    const auto at = dead_.try_emplace(id, letter{stored, 0}).first;
    ++at->second.count;
    at->second.stored = std::min(at->second.stored, stored);
    unsettled_.erase(id);
}

bool pop_history::complete() const {
    const std::lock_guard lock{mutex_};
    return unsettled_.empty();
}

std::uint64_t pop_history::acknowledgements() const {
    const std::lock_guard lock{mutex_};
    return acknowledgements_;
}

pop_history::verdict pop_history::judge() const {
    const std::lock_guard lock{mutex_};
    verdict out;
    out.problems = problems_;
    out.pops_unanswered = pops_unanswered_;
    for (const auto& id : unsettled_)
        out.problems.push_back(id + " was stored, and is neither acknowledged nor a dead letter");
    for (const auto& [id, letters] : dead_) {
        ++out.dead;
        out.dead_letters_again += letters.count - 1;
        const auto sent = stored_.find(id);
        if (sent != stored_.end() && letters.count > static_cast<std::uint64_t>(sent->second + round_ / 2))
            out.problems.push_back(id + " is a dead letter " + std::to_string(letters.count) + " times, with " +
                                   std::to_string(round_ / 2) + " kills");
    }
    for (const auto& [where, all] : places_)
        judge(where, all, out);
    return out;
}

void pop_history::judge(const place& where, deliveries all, verdict& out) const {
    const auto which = all.front().id + " (" + to_text(where) + ")";
    std::sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.popped < y.popped; });
    out.deliveries += all.size();
    std::int32_t counted = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& one = all[i];
        counted = std::max(counted, one.before + 1);
        out.without_an_answer += one.acknowledging && !one.acknowledged ? 1U : 0U;
        out.settled_in_time += one.is_settled() ? 1U : 0U;
        out.kept_over_a_kill += one.is_settled() && one.acknowledged_round > one.round + 1 ? 1U : 0U;
        if (i > 0)
            judge_pair(which, all[i - 1], one, out);
    }
    if (counted > deliveries_max_)
        out.problems.push_back(which + " was delivered " + std::to_string(counted) + " times, and may be " +
                               std::to_string(deliveries_max_));
    // A letter belongs to this place if the message has no other.
    const auto& last = all.back();
    const auto sent = stored_.find(last.id);
    const auto dead = dead_.find(last.id);
    if (sent != stored_.end() && sent->second == 1 && dead != dead_.end()) {
        counted = std::max(counted, deliveries_max_); // it was delivered so often, or is no dead letter yet
        if (last.is_settled())
            out.problems.push_back(which + " was acknowledged in time, and is a dead letter");
        if (last.changes.empty() && dead->second.stored.value() + slack_ms < last.visible.value())
            out.problems.push_back(which + " is a dead letter " + std::to_string(last.visible.value() - dead->second.stored.value()) +
                                   " ms before its last delivery was over");
    }
    out.deliveries_unseen += static_cast<std::uint64_t>(std::max<std::int64_t>(0, counted - static_cast<std::int64_t>(all.size())));
}

void pop_history::judge_pair(const std::string& which, const delivery_notes& earlier, const delivery_notes& later, verdict& out) const {
    ++out.redeliveries;
    out.after_a_kill += later.round > earlier.round + 1 ? 1U : 0U;
    if (later.popped <= earlier.popped)
        out.problems.push_back(which + ": two deliveries have one handle");
    if (later.before <= earlier.before)
        out.problems.push_back(which + ": its " + std::to_string(later.before + 1) + ". delivery came after its " +
                               std::to_string(earlier.before + 1) + ".");
    auto visible = earlier.visible;
    for (const auto& each : earlier.changes)
        if (!each.answered) // it may have been done, at any time from then on
            visible = std::min(visible, timestamp_ms{each.asked.value() + each.invisible_ms});
    if (later.popped.value() + slack_ms < visible.value())
        out.problems.push_back(which + " came again " + std::to_string(visible.value() - later.popped.value()) +
                               " ms before its time was over");
    // An older handle is answered with success, too; this one was not older if it was in time, or if no delivery came between.
    const bool was_last = earlier.acknowledged && earlier.is_handle_sure() && later.before == earlier.before + 1 &&
                          earlier.answered.value() + slack_ms < later.popped.value();
    if (earlier.is_settled() || was_last)
        out.problems.push_back(which + " came again after it was acknowledged");
}

} // namespace troupe::scenario
