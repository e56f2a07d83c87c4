#include "actors/group/consumer_groups.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace troupe::actors {

// ---- what a member says ---------------------------------------------------------------------------------------------

consumer_groups::change consumer_groups::replace_subscriptions(member& one, const std::vector<protocol::subscription_data>& wanted) {
    change made;
    std::set<std::string_view> topics;
    for (const auto& subscription : wanted) {
        topics.insert(subscription.topic);
        const auto [known, added] = one.subscriptions.try_emplace(subscription.topic, subscription);
        made.of_topics |= added;
        // A late heartbeat of a client must not bring an old expression back.
        if (added || subscription.version < known->second.version)
            continue;
        made.of_expressions |= subscription.expression != known->second.expression;
        made.of_expressions |= subscription.expression_type != known->second.expression_type;
        known->second = subscription;
    }
    const auto removed = std::erase_if(one.subscriptions, [&topics](const auto& known) { return !topics.contains(known.first); });
    made.of_topics |= removed != 0;
    return made;
}

protocol::described_member consumer_groups::to_group_member(const std::string& client_id, const member& one) {
    protocol::described_member seen;
    seen.connection.client_id = client_id;
    seen.type = one.type;
    seen.model = one.model;
    seen.from = one.from;
    seen.is_told = one.is_told;
    for (const auto& entry : one.subscriptions)
        seen.subscriptions.push_back(entry.second);
    return seen;
}

void consumer_groups::forget_session(group_state& group, const member& one) {
    const auto [first, last] = group.by_session.equal_range(one.session);
    const auto place = std::find_if(first, last, [&one](const auto& entry) { return entry.second == &one; });
    if (place != last)
        group.by_session.erase(place);
}

void consumer_groups::leave_stance(const std::string& group_name, group_state& group, const member& one) {
    if (!one.is_told)
        return;
    const bool differed = group.stances.size() > 1;
    if (const auto stance = group.stances.find(one.stance); --stance->second == 0)
        group.stances.erase(stance);
    if (differed)
        unsettled_.insert(group_name);
    if (differed && group.stances.size() < 2)
        --differing_count_;
}

void consumer_groups::take_stance(const std::string& group_name, group_state& group, const std::string& client_id, member& one) {
    const bool differed = group.stances.size() > 1;
    one.stance = std::hash<std::string>{}(protocol::stance_of(group_name, to_group_member(client_id, one)));
    one.is_told = true;
    ++group.stances[one.stance];
    const bool differs_now = group.stances.size() > 1;
    if (differs_now)
        unsettled_.insert(group_name);
    if (differs_now && !differed)
        ++differing_count_;
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
        auto& one = known->second;
        member_count_ += added ? 1u : 0u;
        const bool moved = !added && one.session != session; // a new connection of a known client
        if (moved) {
            forget_session(group, one);
            shared_ids_.moved(consumer.group, data.client_id, one.session, one.last_heartbeat, session, now);
        }
        if (moved || added)
            group.by_session.emplace(session, &one);
        one.session = session;
        one.last_heartbeat = now;
        const bool other_kind = one.type != consumer.type || one.model != consumer.model || one.from != consumer.from;
        bool changed = false;
        if (with_subscriptions) {
            if (moved) // perhaps another process, whose clock gives other versions
                one.subscriptions.clear();
            const auto made = replace_subscriptions(one, consumer.subscriptions);
            changed = made.of_topics;
            if (!one.is_told || other_kind || moved || made.of_topics || made.of_expressions) {
                leave_stance(consumer.group, group, one);
                one.type = consumer.type;
                one.model = consumer.model;
                one.from = consumer.from;
                take_stance(consumer.group, group, data.client_id, one);
            }
        }
        if ((added || moved || changed) && group.model != protocol::message_model::broadcasting)
            to_notify.insert(consumer.group);
    }
    return to_notify;
}

// ---- leaving --------------------------------------------------------------------------------------------------------

template <class Predicate>
bool consumer_groups::remove_from(group_map::iterator entry, Predicate leaves) {
    auto& group = entry->second;
    std::size_t removed = 0;
    for (auto place = group.members.begin(); place != group.members.end();) {
        if (!leaves(place->first, place->second)) {
            ++place;
            continue;
        }
        leave_stance(entry->first, group, place->second);
        forget_session(group, place->second);
        shared_ids_.left(entry->first, place->first);
        place = group.members.erase(place);
        ++removed;
    }
    member_count_ -= removed;
    const bool notify = removed != 0 && !group.members.empty() && group.model != protocol::message_model::broadcasting;
    if (group.members.empty()) {
        unsettled_.erase(entry->first);
        groups_.erase(entry);
    }
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
    shared_ids_.session_lost(session);
    return remove_if([session](const std::string&, const member& one) { return one.session == session; });
}

std::set<std::string> consumer_groups::expire(clock_time now) {
    shared_ids_.expire(now);
    return remove_if([this, now](const std::string&, const member& one) { return one.last_heartbeat + expire_ <= now; });
}

// ---- who is there ---------------------------------------------------------------------------------------------------

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

// ---- what they subscribe to -----------------------------------------------------------------------------------------

namespace {

/// The later of two, of which either may be missing.
const protocol::subscription_data* newer(const protocol::subscription_data* left, const protocol::subscription_data* right) {
    if (left == nullptr || right == nullptr)
        return left == nullptr ? right : left;
    return right->version > left->version ? right : left;
}

template <class Subscriptions>
const protocol::subscription_data* find_topic(const Subscriptions& subscriptions, std::string_view topic) {
    const auto found = subscriptions.find(topic);
    return found == subscriptions.end() ? nullptr : &found->second;
}

} // namespace

const protocol::subscription_data* consumer_groups::subscription(std::string_view group, std::string_view topic) const {
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return nullptr;
    const protocol::subscription_data* newest = nullptr;
    for (const auto& entry : known->second.members)
        newest = newer(newest, find_topic(entry.second.subscriptions, topic));
    return newest;
}

bool consumer_groups::is_told(std::string_view group, session_number session) const {
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return false;
    const auto [first, last] = known->second.by_session.equal_range(session);
    return std::any_of(first, last, [](const auto& entry) { return entry.second->is_told; });
}

const protocol::subscription_data* consumer_groups::subscription(std::string_view group, std::string_view topic,
                                                                 session_number session) const {
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return nullptr;
    const protocol::subscription_data* newest = nullptr;
    const auto [first, last] = known->second.by_session.equal_range(session);
    for (auto entry = first; entry != last; ++entry)
        newest = newer(newest, find_topic(entry->second->subscriptions, topic));
    return newest;
}

bool consumer_groups::differs(std::string_view group) const {
    const auto known = groups_.find(group);
    return known != groups_.end() && known->second.stances.size() > 1;
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
    for (const auto& [client, one] : known->second.members) {
        seen.members.emplace(client, one.session);
        for (const auto& [topic, subscription] : one.subscriptions) {
            const auto [place, added] = seen.subscriptions.try_emplace(topic, subscription);
            if (!added && subscription.version > place->second.version)
                place->second = subscription;
        }
    }
    seen.type = known->second.type;
    seen.model = known->second.model;
    seen.from = known->second.from;
    return seen;
}

std::vector<consumer_groups::seen_member> consumer_groups::view_members(std::string_view group) const {
    std::vector<seen_member> seen;
    if (const auto known = groups_.find(group); known != groups_.end())
        for (const auto& [client, one] : known->second.members) {
            auto users = shared_ids_.sessions(group, client);
            std::erase(users, one.session);
            seen.push_back({one.session, std::move(users), to_group_member(client, one)});
        }
    return seen;
}

std::vector<std::string> consumer_groups::subscribers(std::string_view topic) const {
    std::vector<std::string> names;
    for (const auto& [name, group] : groups_)
        if (std::any_of(group.members.begin(), group.members.end(),
                        [topic](const auto& entry) { return entry.second.subscriptions.contains(topic); }))
            names.push_back(name);
    return names;
}

// ---- what is told of them -------------------------------------------------------------------------------------------

std::vector<consumer_groups::news> consumer_groups::take_news(clock_time now, std::size_t news_max) {
    std::vector<news> all;
    for (auto name = unsettled_.begin(); name != unsettled_.end() && all.size() < news_max;) {
        auto& group = groups_.find(*name)->second;
        if (now < group.tell_not_before) {
            ++name;
            continue;
        }
        std::string differences;
        if (group.stances.size() > 1) {
            std::vector<protocol::described_member> members;
            for (const auto& [client, one] : group.members)
                members.push_back(to_group_member(client, one));
            differences = protocol::describe_differences(protocol::find_differences(*name, members));
        }
        if (differences != group.told) {
            group.told = differences;
            group.tell_not_before = now + news_interval;
            all.push_back({*name, std::move(differences)});
        }
        name = unsettled_.erase(name);
    }
    return all;
}

} // namespace troupe::actors
