#include "actors/consumer_groups.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

bool consumer_groups::replace_subscriptions(group_state& group, const std::vector<protocol::subscription_data>& wanted) {
    bool changed = false;
    std::set<std::string_view> topics;
    for (const auto& subscription : wanted) {
        topics.insert(subscription.topic);
        const auto [known, added] = group.subscriptions.try_emplace(subscription.topic, subscription);
        changed |= added;
        // A late heartbeat of a client that has not yet heard of a newer expression must not bring the old one back.
        if (!added && subscription.version >= known->second.version)
            known->second = subscription;
    }
    const auto removed = std::erase_if(group.subscriptions, [&topics](const auto& known) { return !topics.contains(known.first); });
    return changed || removed != 0;
}

std::set<std::string> consumer_groups::heartbeat(const protocol::heartbeat_data& data, session_number session, clock_time now,
                                                 bool with_subscriptions) {
    std::set<std::string> to_notify;
    for (const auto& consumer : data.consumers) {
        auto& group = groups_[consumer.group];
        group.type = consumer.type;
        group.model = consumer.model;
        group.from = consumer.from;
        const auto [known, added] = group.members.try_emplace(data.client_id);
        member_count_ += added ? 1u : 0u;
        const bool moved = !added && known->second.session != session; // a new connection of a known client
        known->second = {session, now};
        const bool changed = with_subscriptions && replace_subscriptions(group, consumer.subscriptions);
        if ((added || moved || changed) && group.model != protocol::message_model::broadcasting)
            to_notify.insert(consumer.group);
    }
    return to_notify;
}

template <class Predicate>
bool consumer_groups::remove_from(group_map::iterator entry, Predicate leaves) {
    auto& group = entry->second;
    const auto removed = std::erase_if(group.members, [&leaves](const auto& one) { return leaves(one.first, one.second); });
    member_count_ -= removed;
    const bool notify = removed != 0 && !group.members.empty() && group.model != protocol::message_model::broadcasting;
    if (group.members.empty())
        groups_.erase(entry);
    return notify;
}

template <class Predicate>
std::set<std::string> consumer_groups::remove_if(Predicate leaves) {
    std::set<std::string> to_notify;
    for (auto entry = groups_.begin(); entry != groups_.end();) {
        const auto group = entry++; // which may go
        auto name = group->first;
        if (remove_from(group, leaves))
            to_notify.insert(std::move(name));
    }
    return to_notify;
}

std::set<std::string> consumer_groups::unregister(std::string_view client_id, std::string_view group) {
    const auto known = groups_.find(group);
    if (known != groups_.end() && remove_from(known, [client_id](const std::string& client, const member&) { return client == client_id; }))
        return {std::string{group}};
    return {};
}

std::set<std::string> consumer_groups::session_lost(session_number session) {
    return remove_if([session](const std::string&, const member& one) { return one.session == session; });
}

std::set<std::string> consumer_groups::expire(clock_time now) {
    return remove_if([this, now](const std::string&, const member& one) { return one.last_heartbeat + expire_ <= now; });
}

bool consumer_groups::has_members(std::string_view group) const {
    return groups_.find(group) != groups_.end();
}

std::vector<std::string> consumer_groups::members(std::string_view group) const {
    std::vector<std::string> ids;
    if (const auto known = groups_.find(group); known != groups_.end())
        for (const auto& one : known->second.members)
            ids.push_back(one.first);
    return ids;
}

std::set<session_number> consumer_groups::sessions(std::string_view group) const {
    std::set<session_number> all;
    if (const auto known = groups_.find(group); known != groups_.end())
        for (const auto& one : known->second.members)
            all.insert(one.second.session);
    all.erase(0);
    return all;
}

const protocol::subscription_data* consumer_groups::subscription(std::string_view group, std::string_view topic) const {
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return nullptr;
    const auto subscribed = known->second.subscriptions.find(topic);
    return subscribed == known->second.subscriptions.end() ? nullptr : &subscribed->second;
}

bool consumer_groups::is_broadcasting(std::string_view group) const {
    const auto known = groups_.find(group);
    return known != groups_.end() && known->second.model == protocol::message_model::broadcasting;
}

std::optional<consumer_groups::group_view> consumer_groups::view(std::string_view group) const {
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return std::nullopt;
    group_view seen;
    for (const auto& [client, one] : known->second.members)
        seen.members.emplace(client, one.session);
    seen.subscriptions = {known->second.subscriptions.begin(), known->second.subscriptions.end()};
    seen.type = known->second.type;
    seen.model = known->second.model;
    seen.from = known->second.from;
    return seen;
}

std::vector<std::string> consumer_groups::subscribers(std::string_view topic) const {
    std::vector<std::string> names;
    for (const auto& [name, group] : groups_)
        if (group.subscriptions.contains(topic))
            names.push_back(name);
    return names;
}

} // namespace troupe::actors
