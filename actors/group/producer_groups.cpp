#include "actors/group/producer_groups.hpp"

#include <utility>

namespace troupe::actors {

bool producer_groups::heartbeat(const std::string& client_id, const std::vector<std::string>& groups, session_number session,
                                clock_time now) {
    if (groups.empty())
        return true;
    auto known = clients_.find(client_id);
    std::set<std::string_view> added{groups.begin(), groups.end()};
    if (known != clients_.end())
        std::erase_if(added, [known](std::string_view group) { return known->second.groups.contains(group); });
    if (membership_count_ + added.size() > memberships_max_)
        return false;
    if (known == clients_.end())
        known = clients_.emplace(client_id, client{}).first;
    else if (known->second.session != session)
        leave_session(client_id, known->second.session);
    known->second.session = session;
    sessions_[session].insert(client_id);
    for (const auto& group : groups) {
        membership_count_ += known->second.groups.insert_or_assign(group, now).second ? 1u : 0u;
        groups_[group].insert(client_id);
    }
    return true;
}

void producer_groups::leave_session(const std::string& client_id, session_number session) {
    const auto known = sessions_.find(session);
    if (known == sessions_.end())
        return;
    known->second.erase(client_id);
    if (known->second.empty())
        sessions_.erase(known);
}

void producer_groups::leave_group(std::string_view group, std::string_view client_id) {
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return;
    if (const auto member = known->second.find(client_id); member != known->second.end())
        known->second.erase(member);
    if (known->second.empty())
        groups_.erase(known);
}

void producer_groups::remove(client_map::iterator known, std::string_view group) {
    const auto member = known->second.groups.find(group);
    if (member == known->second.groups.end())
        return;
    leave_group(group, known->first);
    known->second.groups.erase(member);
    --membership_count_;
    if (!known->second.groups.empty())
        return;
    leave_session(known->first, known->second.session);
    clients_.erase(known);
}

void producer_groups::unregister(std::string_view client_id, std::string_view group) {
    if (const auto known = clients_.find(client_id); known != clients_.end())
        remove(known, group);
}

void producer_groups::session_lost(session_number session) {
    const auto ended = sessions_.extract(session);
    if (ended.empty())
        return;
    for (const auto& client_id : ended.mapped()) {
        const auto known = clients_.find(client_id);
        for (const auto& membership : known->second.groups)
            leave_group(membership.first, client_id);
        membership_count_ -= known->second.groups.size();
        clients_.erase(known);
    }
}

void producer_groups::expire(clock_time now) {
    for (auto entry = clients_.begin(); entry != clients_.end();) {
        const auto known = entry++; // which may go
        std::vector<std::string> silent;
        for (const auto& [group, last_heartbeat] : known->second.groups)
            if (last_heartbeat + expire_ <= now)
                silent.push_back(group);
        for (const auto& group : silent)
            remove(known, group); // the client itself goes with its last group, so not before the last round
    }
}

std::vector<producer_groups::producer> producer_groups::clients(std::string_view group) const {
    std::vector<producer> all;
    const auto known = groups_.find(group);
    if (known == groups_.end())
        return all;
    for (const auto& client_id : known->second) {
        const auto& one = clients_.find(client_id)->second;
        all.push_back({client_id, one.session, one.groups.find(group)->second});
    }
    return all;
}

std::vector<std::string> producer_groups::groups() const {
    std::vector<std::string> names;
    for (const auto& group : groups_)
        names.push_back(group.first);
    return names;
}

std::optional<session_number> producer_groups::session_of(std::string_view client_id) const {
    const auto known = clients_.find(client_id);
    return known == clients_.end() ? std::nullopt : std::optional{known->second.session};
}

} // namespace troupe::actors
