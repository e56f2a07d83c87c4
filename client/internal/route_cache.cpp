#include "client/internal/route_cache.hpp"

#include "protocol/vocabulary/topic_config.hpp"

#include <algorithm>
#include <set>

namespace troupe::client {

namespace {

constexpr std::int32_t template_queues_max = 4; // RocketMQ: defaultTopicQueueNums

void add_queues(std::vector<message_queue>& to, const std::string& topic, const protocol::queue_data& queues, std::int32_t count) {
    for (std::int32_t i = 0; i < count; ++i)
        to.push_back({topic, queues.broker_name, i});
}

} // namespace

route_queues queues_of(const std::string& topic, const protocol::topic_route& route) {
    std::set<std::string> with_master;
    std::set<std::string> with_address;
    for (const auto& broker : route.brokers) {
        if (broker.addresses.contains(0))
            with_master.insert(broker.broker_name);
        if (!broker.addresses.empty())
            with_address.insert(broker.broker_name);
    }
    route_queues all;
    for (const auto& queues : route.queues) {
        if ((queues.perm & permission::write) != 0 && with_master.contains(queues.broker_name))
            add_queues(all.writable, topic, queues, queues.write_queues);
        if ((queues.perm & permission::read) != 0 && with_address.contains(queues.broker_name))
            add_queues(all.readable, topic, queues, queues.read_queues);
    }
    std::sort(all.writable.begin(), all.writable.end());
    std::sort(all.readable.begin(), all.readable.end());
    return all;
}

std::map<std::string, std::string> addresses_of(const protocol::topic_route& route) {
    std::map<std::string, std::string> addresses;
    for (const auto& broker : route.brokers)
        if (!broker.addresses.empty())
            addresses[broker.broker_name] = broker.addresses.begin()->second;
    return addresses;
}

protocol::topic_route template_route(protocol::topic_route route) {
    for (auto& queues : route.queues) {
        const auto count = std::min(template_queues_max, queues.read_queues);
        queues.read_queues = count;
        queues.write_queues = count;
    }
    return route;
}

bool route_cache::watch(const std::string& topic, bool may_create, time_point now) {
    auto at = entries_.find(topic);
    if (at == entries_.end()) {
        if (entries_.size() >= options_.topics_max)
            return false;
        at = entries_
                 .emplace(
                     topic,
                     entry{0, false, false, false, {}, 0, now - options_.retry_min, now, backoff{options_.retry_min, options_.retry_max}})
                 .first;
    }
    ++at->second.watchers;
    if (may_create && !at->second.may_create) {
        at->second.may_create = true;
        suspect(topic, now);
    }
    return true;
}

void route_cache::unwatch(const std::string& topic) {
    const auto at = entries_.find(topic);
    if (at != entries_.end() && --at->second.watchers == 0)
        entries_.erase(at);
}

void route_cache::suspect(const std::string& topic, time_point now) {
    const auto at = entries_.find(topic);
    if (at == entries_.end())
        return;
    auto& known = at->second;
    if (known.asking)
        known.suspected = true;
    else
        known.due = std::min(known.due, std::max(now, known.asked + options_.retry_min));
}

std::vector<std::string> route_cache::take_due(time_point now, std::size_t count_max) {
    std::vector<std::string> topics;
    for (auto& [topic, known] : entries_) {
        if (topics.size() == count_max)
            break;
        if (known.asking || known.due > now)
            continue;
        known.asking = true;
        known.suspected = false;
        known.asked = now;
        topics.push_back(topic);
    }
    return topics;
}

std::optional<time_point> route_cache::next_due() const {
    std::optional<time_point> next;
    for (const auto& [topic, known] : entries_)
        if (!known.asking && (!next || known.due < *next))
            next = known.due;
    return next;
}

bool route_cache::found(const std::string& topic, protocol::topic_route route, time_point now) {
    const auto at = entries_.find(topic);
    if (at == entries_.end())
        return false;
    auto& known = at->second;
    known.asking = false;
    known.misses = 0;
    known.pause.succeed();
    known.due = now + (known.suspected ? options_.retry_min : options_.refresh);
    if (known.route == route)
        return false;
    known.route = std::move(route);
    return true;
}

std::optional<error> route_cache::failed(const std::string& topic, const error& failure, time_point now) {
    const auto at = entries_.find(topic);
    if (at == entries_.end())
        return std::nullopt;
    auto& known = at->second;
    known.asking = false;
    known.due = now + known.pause.fail();
    if (known.route)
        return std::nullopt;
    if (failure.code == errc::topic_not_found && ++known.misses < options_.misses_believed) {
        known.due = now + options_.retry_min;
        return std::nullopt;
    }
    return failure;
}

const protocol::topic_route* route_cache::find(const std::string& topic) const {
    const auto at = entries_.find(topic);
    return at != entries_.end() && at->second.route ? &*at->second.route : nullptr;
}

bool route_cache::may_create(const std::string& topic) const {
    const auto at = entries_.find(topic);
    return at != entries_.end() && at->second.may_create;
}

std::map<std::string, std::string> route_cache::all_addresses() const {
    std::map<std::string, std::string> all;
    for (const auto& [topic, known] : entries_)
        if (known.route)
            for (auto& [name, address] : addresses_of(*known.route))
                all[name] = address;
    return all;
}

} // namespace troupe::client
