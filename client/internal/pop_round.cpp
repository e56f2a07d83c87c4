#include "client/internal/pop_round.hpp"

#include <algorithm>

namespace troupe::client {

pop_round::pop_round(brokers whom, time_point now, milliseconds wait) : deadline_{now + wait} {
    for (auto& name : whom.in_turn) {
        target one;
        if (whom.busy.contains(name))
            one.at = stage::busy;
        else if (whom.suspects.contains(name))
            one.at = stage::suspect;
        one.broker = std::move(name);
        one.gives_notice = whom.in_turn.size() > 1; // alone it need not: it may as well hand out what comes
        targets_.push_back(std::move(one));
    }
    for (auto& name : whom.of_retry_topic)
        put_back_.try_emplace(std::move(name));
}

pop_round::target* pop_round::find(const std::string& broker) {
    const auto at = std::find_if(targets_.begin(), targets_.end(), [&broker](const target& one) { return one.broker == broker; });
    return at != targets_.end() ? &*at : nullptr;
}

bool pop_round::has(stage at) const {
    return std::any_of(targets_.begin(), targets_.end(), [at](const target& one) { return one.at == at; });
}

/// Somebody has been asked a moment ago and may still answer that there is something.
bool pop_round::is_patient(time_point now) const {
    const auto is_young = [now](time_point since) { return now < since + patience; };
    return std::any_of(targets_.begin(), targets_.end(),
                       [&is_young](const target& one) { return one.at == stage::taking && is_young(one.since); });
}

/// Where nobody else is left, one that has just failed is better than nobody.
void pop_round::consider_suspects(time_point now) {
    const auto has_promise = [](const target& one) { return one.at == stage::fresh || one.at == stage::empty || one.at == stage::waiting; };
    if (any_ || is_patient(now) || std::any_of(targets_.begin(), targets_.end(), has_promise))
        return;
    for (auto& one : targets_)
        if (one.at == stage::suspect)
            one.at = stage::fresh;
}

bool pop_round::is_put_back_young(time_point now) const {
    return std::any_of(put_back_.begin(), put_back_.end(),
                       [now](const auto& one) { return one.second.is_open && now < one.second.since + patience; });
}

std::vector<pop_round::step> pop_round::next(time_point now) {
    std::vector<step> steps;
    const auto left = std::max(std::chrono::ceil<milliseconds>(deadline_ - now), milliseconds{0});
    for (auto& [broker, one] : put_back_) {
        if (one.is_asked)
            continue;
        one = {true, true, now};
        steps.push_back({broker, question::put_back, milliseconds{0}});
    }
    consider_suspects(now);
    const auto first = std::find_if(targets_.begin(), targets_.end(), [](const target& one) { return one.at == stage::fresh; });
    if (first != targets_.end()) {
        if (is_patient(now))
            return steps;
        const bool waits_at_once = targets_.size() == 1 && left.count() > 0 && !is_put_back_young(now);
        first->at = waits_at_once ? stage::waiting : stage::taking;
        first->since = now;
        first->takes = true;
        steps.push_back({first->broker, question::take, waits_at_once ? left : milliseconds{0}});
        return steps;
    }
    if (left.count() == 0 || is_patient(now) || is_put_back_young(now))
        return steps;
    for (auto& one : targets_) {
        if (one.at != stage::empty || now < one.not_before)
            continue;
        one.at = stage::waiting;
        one.since = now;
        one.takes = !one.gives_notice;
        steps.push_back({one.broker, one.gives_notice ? question::notice : question::take, left});
    }
    return steps;
}

void pop_round::answered(const std::string& broker, question what, bool found, time_point now) {
    if (what == question::put_back) {
        put_back_[broker].is_open = false;
        return;
    }
    any_ = true;
    auto* one = find(broker);
    if (one == nullptr || (what == question::notice && !awaits_notice(*one)))
        return;
    one->takes = false;
    if (one->at == stage::waiting) // what it says now it may say again at once
        one->not_before = now + pace;
    one->at = found ? stage::fresh : stage::empty;
}

void pop_round::failed(const std::string& broker, question what, const error& failure, bool is_away) {
    if (what == question::put_back) { // the topic itself is asked beside
        put_back_[broker].is_open = false;
        return;
    }
    auto* one = find(broker);
    if (one == nullptr || (what == question::notice && !awaits_notice(*one)))
        return;
    one->takes = false;
    if (what == question::notice && !is_away) { // it does not know how
        one->gives_notice = false;
        one->at = stage::empty;
        return;
    }
    failure_ = failure;
    one->at = stage::away;
}

void pop_round::freed(const std::string& broker) {
    if (auto* one = find(broker); one != nullptr && one->at == stage::busy)
        one->at = stage::fresh;
}

bool pop_round::is_over(time_point now) const {
    if (is_put_back_young(now) || has(stage::fresh) || is_patient(now))
        return false;
    const auto takes = [](const target& one) { return one.takes; };
    if (!any_ && std::any_of(targets_.begin(), targets_.end(), takes))
        return false; // it answers, or its time is over
    const auto may_come = [](const target& one) { return one.at != stage::away && one.at != stage::suspect; };
    return now >= deadline_ || std::none_of(targets_.begin(), targets_.end(), may_come);
}

time_point pop_round::due(time_point now) const {
    auto next = now < deadline_ ? deadline_ : time_point::max();
    const auto consider = [&next, now](time_point when) {
        if (now < when)
            next = std::min(next, when);
    };
    for (const auto& [broker, one] : put_back_)
        if (one.is_open)
            consider(one.since + patience);
    for (const auto& one : targets_) {
        if (one.at == stage::taking)
            consider(one.since + patience);
        if (one.at == stage::empty)
            consider(one.not_before);
    }
    return next;
}

result<void> pop_round::outcome() const {
    if (any_ || failure_.code == errc::none) // what was asked earlier and is not answered may still be
        return {};
    return failure_;
}

std::vector<std::pair<std::string, pop_round::question>> pop_round::unanswered() const {
    std::vector<std::pair<std::string, question>> all;
    for (const auto& one : targets_)
        if (one.takes)
            all.emplace_back(one.broker, question::take);
    for (const auto& [broker, one] : put_back_)
        if (one.is_open)
            all.emplace_back(broker, question::put_back);
    return all;
}

} // namespace troupe::client
