#include "actors/pop/pop_hold.hpp"

#include <algorithm>

namespace troupe::actors {

namespace {

queue_id bucket_of(queue_id queue) {
    return std::max(queue, queue_id{-1});
}

} // namespace

bool pop_hold::add(held pop) {
    const auto place = place_of(pop.pop);
    const auto bucket = std::pair{place, bucket_of(pop.pop.pop.queue)};
    if (pops_.size() >= total_max_ || count(place, bucket.second) >= per_queue_max_)
        return false;
    const auto number = next_number_++;
    places_[place].insert(number);
    ++counts_[bucket];
    due_.emplace(pop.until, number);
    by_ticket_.emplace(pop.pop.ticket, number);
    pops_.emplace(number, std::move(pop));
    return true;
}

std::size_t pop_hold::count(const pop_place& place, queue_id queue) const {
    const auto found = counts_.find({place, bucket_of(queue)});
    return found == counts_.end() ? 0 : found->second;
}

std::vector<std::uint64_t> pop_hold::waiting(const pop_place& place) const {
    const auto found = places_.find(place);
    return found == places_.end() ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{found->second.begin(), found->second.end()};
}

std::vector<pop_place> pop_hold::places_of(const std::string& topic) const {
    std::vector<pop_place> found;
    for (auto each = places_.lower_bound({topic, {}}); each != places_.end() && each->first.topic == topic; ++each)
        found.push_back(each->first);
    return found;
}

const pop_hold::held* pop_hold::find(std::uint64_t number) const {
    const auto found = pops_.find(number);
    return found == pops_.end() ? nullptr : &found->second;
}

pop_hold::held pop_hold::remove(std::uint64_t number) {
    auto taken = std::move(pops_.extract(number).mapped());
    const auto place = place_of(taken.pop);
    due_.erase({taken.until, number});
    const auto tickets = by_ticket_.equal_range(taken.pop.ticket);
    by_ticket_.erase(std::find_if(tickets.first, tickets.second, [number](const auto& entry) { return entry.second == number; }));
    if (const auto bucket = counts_.find({place, bucket_of(taken.pop.pop.queue)}); --bucket->second == 0)
        counts_.erase(bucket);
    const auto waiting = places_.find(place);
    waiting->second.erase(number);
    if (waiting->second.empty()) {
        places_.erase(waiting);
        set_alarm(place, std::nullopt);
    }
    return taken;
}

std::vector<pop_hold::held> pop_hold::take_due(timestamp_ms now) {
    std::vector<held> taken;
    while (!due_.empty() && due_.begin()->first <= now)
        taken.push_back(remove(due_.begin()->second));
    return taken;
}

std::size_t pop_hold::abandon(const pop_holder_actor& holder, const std::vector<std::uint64_t>& tickets) {
    std::vector<std::uint64_t> gone;
    for (const auto ticket : tickets) {
        const auto of_ticket = by_ticket_.equal_range(ticket);
        for (auto each = of_ticket.first; each != of_ticket.second; ++each)
            if (pops_.at(each->second).pop.reply_to == holder)
                gone.push_back(each->second);
    }
    for (const auto number : gone)
        (void)remove(number);
    return gone.size();
}

std::vector<pop_hold::held> pop_hold::take(const std::string& group, const std::string& topic) {
    std::vector<std::uint64_t> chosen;
    for (const auto& [number, one] : pops_)
        if ((group.empty() || one.pop.pop.group == group) && (topic.empty() || one.pop.pop.topic == topic))
            chosen.push_back(number);
    std::vector<held> taken;
    taken.reserve(chosen.size());
    for (const auto number : chosen)
        taken.push_back(remove(number));
    return taken;
}

void pop_hold::set_alarm(const pop_place& place, std::optional<timestamp_ms> when) {
    if (const auto known = alarms_.find(place); known != alarms_.end()) {
        alarm_times_.erase({known->second, place});
        alarms_.erase(known);
    }
    if (!when || !has_waiting(place))
        return;
    alarms_.emplace(place, *when);
    alarm_times_.emplace(*when, place);
}

std::vector<pop_place> pop_hold::take_alarms(timestamp_ms now) {
    std::vector<pop_place> taken;
    while (!alarm_times_.empty() && alarm_times_.begin()->first <= now) {
        taken.push_back(alarm_times_.begin()->second);
        alarms_.erase(taken.back());
        alarm_times_.erase(alarm_times_.begin());
    }
    return taken;
}

std::optional<timestamp_ms> pop_hold::next_due() const {
    std::optional<timestamp_ms> next;
    if (!due_.empty())
        next = due_.begin()->first;
    if (!alarm_times_.empty() && (!next || alarm_times_.begin()->first < *next))
        next = alarm_times_.begin()->first;
    return next;
}

} // namespace troupe::actors
