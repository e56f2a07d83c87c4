#include "client/internal/broker_links.hpp"

#include <algorithm>

namespace troupe::client {

const broker_link* broker_links::find(const std::string& broker_name) const {
    const auto at = std::find_if(links_.begin(), links_.end(), [&](const auto& item) { return item.second.broker_name == broker_name; });
    return at == links_.end() ? nullptr : &at->second;
}

const broker_link* broker_links::find(const std::string& broker_name, const std::string& address) const {
    const auto at = links_.find(key_of(broker_name, address));
    return at == links_.end() ? nullptr : &at->second;
}

void broker_links::add(const std::string& broker_name, const std::string& address, actors::broker_actor handle, time_point now) {
    links_[key_of(broker_name, address)] = broker_link{broker_name, address, std::move(handle), false, std::nullopt, now};
}

void broker_links::keep_only(const std::set<std::string>& keys) {
    std::erase_if(links_, [&](const auto& item) { return !keys.contains(item.first); });
}

void broker_links::changed_for_all(time_point now) {
    changed();
    for (auto& [key, link] : links_)
        link.beat_due = now;
}

void broker_links::forgotten(broker_link& link, time_point latest) {
    link.knows.reset();
    link.beat_due = std::min(link.beat_due, latest);
}

void broker_links::lost(const std::string& broker_name, time_point now) {
    for (auto& [key, link] : links_)
        if (link.broker_name == broker_name)
            forgotten(link, now + retry_);
}

void broker_links::disconnected(const std::string& address, time_point now) {
    for (auto& [key, link] : links_)
        if (link.address == address)
            forgotten(link, now + retry_);
}

void broker_links::reconnected(const std::string& address, time_point now) {
    for (auto& [key, link] : links_)
        if (link.address == address)
            forgotten(link, now);
}

std::vector<std::pair<std::string, actors::broker_actor>> broker_links::take_due(time_point now) {
    std::vector<std::pair<std::string, actors::broker_actor>> due;
    for (auto& [key, link] : links_) {
        if (link.beating || link.beat_due > now)
            continue;
        link.beating = true;
        link.beat_due = now + interval_;
        due.emplace_back(key, link.handle);
    }
    return due;
}

std::optional<time_point> broker_links::next_due() const {
    std::optional<time_point> next;
    for (const auto& [key, link] : links_)
        if (!link.beating && (!next || link.beat_due < *next))
            next = link.beat_due;
    return next;
}

bool broker_links::accepted(const std::string& key, std::uint64_t version, time_point now) {
    const auto at = links_.find(key);
    if (at == links_.end())
        return false;
    auto& link = at->second;
    link.beating = false;
    if (version != version_)
        link.beat_due = now;
    return std::exchange(link.knows, version) != version;
}

void broker_links::refused(const std::string& key, time_point now) {
    const auto at = links_.find(key);
    if (at == links_.end())
        return;
    auto& link = at->second;
    link.beating = false;
    link.beat_due = now + retry_; // whatever asked for it meanwhile
    link.knows.reset();
}

} // namespace troupe::client
