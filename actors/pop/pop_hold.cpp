#include "actors/pop/pop_hold.hpp"

#include <algorithm>
#include <limits>

namespace troupe::actors {

namespace {

queue_id bucket_of(queue_id queue) {
    return std::max(queue, queue_id{-1});
}

} // namespace

pop_place place_of(const checked_pop& pop) {
    return {pop.pop.topic, pop.pop.group};
}

pop_wish wish_of(const checked_pop& pop) {
    return {bucket_of(pop.pop.queue), pop.queues, pop.filter.get(), pop.pop.ordered, pop.pop.kind};
}

bool pop_hold::add(held pop) {
    if (!has_room_for(pop.pop))
        return false;
    const auto place = place_of(pop.pop);
    const auto wish = wish_of(pop.pop);
    const auto number = next_number_++;
    places_[place][wish].insert(number);
    if (pop.pop.pop.ordered && !pop.pop.pop.attempt.empty())
        attempts_[{place, pop.pop.pop.attempt}].insert(number);
    ++counts_[{place.topic, wish.queue, place.group}];
    due_.emplace(pop.until, number);
    by_ticket_.emplace(pop.pop.ticket, number);
    pops_.emplace(number, std::move(pop));
    return true;
}

bool pop_hold::has_room_for(const checked_pop& pop) const {
    return pops_.size() < total_max_ && count(place_of(pop), pop.pop.queue) < per_queue_max_;
}

std::size_t pop_hold::count(const pop_place& place, queue_id queue) const {
    const auto found = counts_.find({place.topic, bucket_of(queue), place.group});
    return found == counts_.end() ? 0 : found->second;
}

bool pop_hold::has_waiting(const pop_place& place, const pop_wish& wish) const {
    const auto found = places_.find(place);
    return found != places_.end() && found->second.contains(wish);
}

std::set<std::string> pop_hold::groups_waiting(const topic_queue& queue) const {
    std::set<std::string> groups;
    for (const auto bucket : {queue_id{-1}, queue.queue})
        for (auto each = counts_.lower_bound({queue.topic, bucket, {}});
             each != counts_.end() && std::get<0>(each->first) == queue.topic && std::get<1>(each->first) == bucket; ++each)
            groups.insert(std::get<2>(each->first));
    return groups;
}

std::vector<pop_place> pop_hold::places() const {
    std::vector<pop_place> all;
    for (const auto& entry : places_)
        all.push_back(entry.first);
    return all;
}

std::vector<std::uint64_t> pop_hold::of_attempt(const pop_place& place, const std::string& attempt) const {
    const auto found = attempts_.find({place, attempt});
    return found == attempts_.end() ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{found->second.begin(), found->second.end()};
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
    const auto wish = wish_of(taken.pop);
    if (const auto bucket = counts_.find({place.topic, wish.queue, place.group}); --bucket->second == 0)
        counts_.erase(bucket);
    if (const auto same = attempts_.find({place, taken.pop.pop.attempt}); same != attempts_.end()) {
        same->second.erase(number);
        if (same->second.empty())
            attempts_.erase(same);
    }
    const auto lines = places_.find(place);
    const auto waiting = lines->second.find(wish);
    waiting->second.erase(number);
    if (waiting->second.empty())
        lines->second.erase(waiting);
    if (lines->second.empty()) {
        places_.erase(lines);
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

void pop_hold::advance_alarm(const pop_place& place, std::optional<timestamp_ms> when) {
    if (const auto known = alarms_.find(place); when && (known == alarms_.end() || *when < known->second))
        set_alarm(place, when);
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

// ---- whose turn it is -----------------------------------------------------------------------------------------------

pop_turns::pop_turns(const pop_hold& hold, const pop_place& place) : hold_{hold}, place_{place} {
    if (const auto lines = hold.places_.find(place); lines != hold.places_.end())
        for (const auto& line : lines->second)
            add_line(line);
}

pop_turns::pop_turns(const pop_hold& hold, const pop_place& place, const std::set<queue_id>& queues) : hold_{hold}, place_{place} {
    const auto lines = hold.places_.find(place);
    if (lines == hold.places_.end())
        return;
    auto wanted = queues;
    wanted.insert(queue_id{-1});
    for (const auto queue : wanted)
        for (auto line = lines->second.lower_bound(pop_wish{queue, std::numeric_limits<std::int32_t>::min()});
             line != lines->second.end() && line->first.queue == queue; ++line)
            add_line(*line);
}

std::optional<std::uint64_t> pop_turns::next() {
    if (current_) { // those who want the same go on behind the one whose turn it was
        const auto& [number, wish] = *current_;
        if (const auto lines = hold_.places_.find(place_); lines != hold_.places_.end())
            if (const auto line = lines->second.find(wish); line != lines->second.end())
                if (const auto behind = line->second.upper_bound(number); behind != line->second.end())
                    heads_.emplace(*behind, wish);
        current_.reset();
    }
    if (heads_.empty())
        return std::nullopt;
    current_ = *heads_.begin();
    heads_.erase(heads_.begin());
    return current_->first;
}

} // namespace troupe::actors
