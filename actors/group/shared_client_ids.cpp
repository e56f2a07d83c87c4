#include "actors/group/shared_client_ids.hpp"

#include <iterator>
#include <utility>

namespace troupe::actors {

void shared_client_ids::moved(const std::string& group, const std::string& client_id, session_number from, clock_time from_heard,
                              session_number to, clock_time now) {
    if (from == 0 || to == 0)
        return;
    const auto place = entries_.try_emplace({group, client_id}).first;
    auto& one = place->second;
    std::erase_if(one.heard, [this, now](const auto& connection) { return connection.second + expire_ <= now; });
    if (from_heard + expire_ > now)
        note(one, from, from_heard);
    const bool is_back = note(one, to, now);
    if (one.returns < returns_min) {
        one.returns = is_back ? one.returns + 1 : 0;
        if (one.returns == returns_min) {
            ++shared_count_;
            untold_.insert(place->first);
        }
    }
    if (one.heard.size() < 2)
        erase(place);
}

/// True when the connection was known.
bool shared_client_ids::note(entry& one, session_number session, clock_time when) {
    const auto known = one.heard.find(session);
    if (known != one.heard.end())
        known->second = when;
    else if (one.heard.size() < connections_max)
        one.heard.emplace(session, when);
    return known != one.heard.end();
}

shared_client_ids::entry_map::iterator shared_client_ids::erase(entry_map::iterator place) {
    if (place->second.returns >= returns_min)
        --shared_count_;
    untold_.erase(place->first);
    return entries_.erase(place);
}

void shared_client_ids::left(std::string_view group, std::string_view client_id) {
    if (entries_.empty())
        return;
    if (const auto known = entries_.find(by_name::view{group, client_id}); known != entries_.end())
        erase(known);
}

template <class Predicate>
void shared_client_ids::forget_connections(Predicate gone) {
    for (auto place = entries_.begin(); place != entries_.end();) {
        std::erase_if(place->second.heard, gone);
        place = place->second.heard.size() < 2 ? erase(place) : std::next(place);
    }
}

void shared_client_ids::session_lost(session_number session) {
    forget_connections([session](const auto& connection) { return connection.first == session; });
}

void shared_client_ids::expire(clock_time now) {
    forget_connections([this, now](const auto& connection) { return connection.second + expire_ <= now; });
}

std::vector<session_number> shared_client_ids::sessions(std::string_view group, std::string_view client_id) const {
    std::vector<session_number> all;
    const auto known = entries_.find(by_name::view{group, client_id});
    if (known != entries_.end() && known->second.returns >= returns_min)
        for (const auto& connection : known->second.heard)
            all.push_back(connection.first);
    return all;
}

std::vector<shared_client_ids::news> shared_client_ids::take_news(std::size_t news_max) {
    std::vector<news> all;
    while (!untold_.empty() && all.size() < news_max) {
        auto one = untold_.extract(untold_.begin()).value();
        auto users = sessions(one.group, one.client_id);
        all.push_back({std::move(one.group), std::move(one.client_id), std::move(users)});
    }
    return all;
}

} // namespace troupe::actors
