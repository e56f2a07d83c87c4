#include "actors/name_server/route_table.hpp"

#include "protocol/vocabulary/limits.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace troupe::actors {

namespace {

/// Names end up in routes, answers and the log. RocketMQ's brokers register topics that it would not let users create, so
/// only what is never right is refused.
result<void> check_text(const std::string& what, const std::string& text) {
    if (text.empty())
        return error{errc::argument_illegal, "a broker registered without its " + what};
    if (text.size() > limits::internal_topic_bytes_max)
        return error{errc::argument_illegal, "a broker registered with a " + what + " of " + std::to_string(text.size()) +
                                                 " bytes; at most " + std::to_string(limits::internal_topic_bytes_max) + " are allowed"};
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return error{errc::argument_illegal, "a broker registered with a " + what + " that does not print"};
    return {};
}

result<void> check(const register_broker& broker) {
    if (auto legal = check_text("cluster", broker.cluster); !legal)
        return legal;
    if (auto legal = check_text("name", broker.broker_name); !legal)
        return legal;
    if (auto legal = check_text("address", broker.address); !legal)
        return legal;
    for (const auto& topic : broker.topics.topics)
        if (auto legal = check_text("topic name", topic.first); !legal)
            return legal;
    if (broker.id.value() < 0)
        return error{errc::argument_illegal,
                     "broker " + broker.broker_name + " at " + broker.address + " registered with the negative id " + to_string(broker.id)};
    return {};
}

protocol::queue_data to_queue_data(const topic_config& topic, const std::string& broker_name, bool writable) {
    const auto perm = writable ? topic.perm : topic.perm & ~permission::write;
    return {broker_name, topic.read_queues, topic.write_queues, perm, topic.sys_flag};
}

} // namespace

result<void> route_table::register_broker(const actors::register_broker& broker, time_point now, const broker_details& details) {
    if (auto checked = check(broker); !checked)
        return checked;
    if (!details.ha_address.empty())
        if (auto legal = check_text("address for replicas", details.ha_address); !legal)
            return legal;
    if (auto room = check_room(broker, details); !room)
        return room;

    const live_key key{broker.cluster, broker.address};
    if (const auto other = live_.find(key); other != live_.end() && other->second.broker_name != broker.broker_name)
        remove(key); // it has another name now
    auto& known = brokers_[broker.broker_name];
    if (is_stale(known, broker)) {
        // RocketMQ answers success all the same: the older process must not take its successor's place.
        live_.erase(key);
        return {};
    }
    known.cluster = broker.cluster;
    known.broker_name = broker.broker_name;
    drop_other_ids(known, broker);

    const auto slot = known.addresses.find(broker.id.value());
    const bool first = slot == known.addresses.end();
    if (!first && slot->second != broker.address)
        live_.erase({broker.cluster, slot->second}); // replaced: its late end must not remove the newcomer
    known.addresses[broker.id.value()] = broker.address;

    const auto before = live_.find(key);
    const bool changed = first || before == live_.end() || before->second.version != broker.topics.version;
    if (broker.id.value() == 0)
        update_queues(broker, changed, true);
    else if (details.acting_master && known.addresses.begin()->first == broker.id.value())
        update_queues(broker, changed, !*details.acting_master);
    const auto expire = broker.expire_ms > 0 ? std::chrono::milliseconds{std::min(broker.expire_ms, expire_max.count())} : expire_default;
    live_[key] = {broker.broker_name, broker.id.value(), now, expire, broker.topics.version, details.ha_address};
    return {};
}

result<void> route_table::check_room(const actors::register_broker& broker, const broker_details& details) const {
    if (!live_.contains({broker.cluster, broker.address}) && live_.size() >= allowed_.brokers_max)
        return error{errc::busy, "this name server keeps at most " + std::to_string(allowed_.brokers_max) + " brokers"};
    if (broker.id.value() != 0 && !details.acting_master)
        return {};
    std::size_t added = 0;
    for (const auto& topic : broker.topics.topics) {
        const auto known = queues_.find(topic.first);
        added += known == queues_.end() || !known->second.contains(broker.broker_name) ? 1u : 0u;
    }
    return check_routes(added);
}

result<void> route_table::check_routes(std::size_t added) const {
    if (added > 0 && route_count_ + added > allowed_.routes_max)
        return error{errc::busy, "this name server keeps at most " + std::to_string(allowed_.routes_max) + " topics of brokers"};
    return {};
}

bool route_table::is_stale(const protocol::broker_data& known, const actors::register_broker& broker) const {
    const auto slot = known.addresses.find(broker.id.value());
    if (slot == known.addresses.end() || slot->second == broker.address)
        return false;
    const auto holder = live_.find({known.cluster, slot->second});
    return holder != live_.end() && holder->second.version.state_version > broker.topics.version.state_version;
}

void route_table::drop_other_ids(protocol::broker_data& known, const actors::register_broker& broker) {
    std::erase_if(known.addresses, [&](const auto& entry) { return entry.second == broker.address && entry.first != broker.id.value(); });
}

void route_table::update_queues(const actors::register_broker& broker, bool changed, bool writable) {
    for (const auto& [name, topic] : broker.topics.topics) {
        auto& per_broker = queues_[name];
        const auto [known, added] = per_broker.try_emplace(broker.broker_name);
        route_count_ += added ? 1u : 0u;
        if (changed || added)
            known->second = to_queue_data(topic, broker.broker_name, writable);
    }
}

void route_table::unregister_broker(const actors::unregister_broker& broker) {
    live_.erase({broker.cluster, broker.address});
    remove_address(broker.broker_name, broker.address);
}

bool route_table::heartbeat(const live_key& broker, time_point now) {
    const auto found = live_.find(broker);
    if (found == live_.end())
        return false;
    found->second.last_seen = now;
    return true;
}

void route_table::remove(const live_key& broker) {
    const auto found = live_.find(broker);
    if (found == live_.end())
        return;
    const auto name = found->second.broker_name;
    live_.erase(found);
    remove_address(name, broker.address);
}

std::vector<route_table::live_key> route_table::expire(time_point now) {
    std::vector<live_key> gone;
    for (const auto& [key, broker] : live_)
        if (broker.last_seen + broker.expire < now)
            gone.push_back(key);
    for (const auto& key : gone)
        remove(key);
    return gone;
}

void route_table::remove_address(const std::string& broker_name, const std::string& address) {
    const auto found = brokers_.find(broker_name);
    if (found == brokers_.end())
        return;
    std::erase_if(found->second.addresses, [&](const auto& entry) { return entry.second == address; });
    if (!found->second.addresses.empty())
        return;
    brokers_.erase(found);
    for (auto topic = queues_.begin(); topic != queues_.end();) {
        route_count_ -= topic->second.erase(broker_name);
        topic = topic->second.empty() ? queues_.erase(topic) : std::next(topic);
    }
}

std::optional<protocol::topic_route> route_table::find(const std::string& topic) const {
    const auto found = queues_.find(topic);
    if (found == queues_.end())
        return std::nullopt;
    protocol::topic_route route;
    for (const auto& [name, queues] : found->second) {
        const auto broker = brokers_.find(name);
        if (broker == brokers_.end())
            continue;
        route.queues.push_back(queues);
        route.brokers.push_back(broker->second);
    }
    if (route.brokers.empty())
        return std::nullopt;
    return route;
}

protocol::cluster_info route_table::clusters() const {
    protocol::cluster_info info;
    info.brokers = brokers_;
    for (const auto& [name, broker] : brokers_)
        info.clusters[broker.cluster].push_back(name);
    return info;
}

std::vector<std::string> route_table::topics() const {
    std::vector<std::string> names;
    names.reserve(queues_.size());
    for (const auto& topic : queues_)
        names.push_back(topic.first);
    return names;
}

void route_table::forget_topic(const std::string& topic) {
    const auto known = queues_.find(topic);
    if (known == queues_.end())
        return;
    route_count_ -= known->second.size();
    queues_.erase(known);
}

void route_table::forget_topic(const std::string& topic, const std::string& cluster) {
    const auto known = queues_.find(topic);
    if (known == queues_.end())
        return;
    route_count_ -= std::erase_if(known->second, [&](const auto& entry) {
        const auto* broker = find_broker(entry.first);
        return broker != nullptr && broker->cluster == cluster;
    });
    if (known->second.empty())
        queues_.erase(known);
}

result<void> route_table::add_queues(const std::string& topic, std::span<const protocol::queue_data> queues) {
    if (auto legal = check_text("topic name", topic); !legal)
        return legal;
    for (const auto& each : queues)
        if (find_broker(each.broker_name) == nullptr)
            return {};
    const auto known = queues_.find(topic);
    std::set<std::string> added;
    for (const auto& each : queues)
        if (known == queues_.end() || !known->second.contains(each.broker_name))
            added.insert(each.broker_name);
    if (auto room = check_routes(added.size()); !room)
        return room;
    for (const auto& each : queues)
        queues_[topic][each.broker_name] = each;
    route_count_ += added.size();
    return {};
}

std::size_t route_table::set_writable(const std::string& broker_name, bool writable) {
    std::size_t count = 0;
    for (auto& topic : queues_) {
        const auto found = topic.second.find(broker_name);
        if (found == topic.second.end())
            continue;
        auto& perm = found->second.perm;
        perm = writable ? perm | permission::read_write : perm & ~permission::write;
        ++count;
    }
    return count;
}

const protocol::broker_data* route_table::find_broker(const std::string& broker_name) const {
    const auto found = brokers_.find(broker_name);
    return found == brokers_.end() ? nullptr : &found->second;
}

std::optional<route_table::master> route_table::find_master(const std::string& broker_name) const {
    const auto* broker = find_broker(broker_name);
    if (broker == nullptr)
        return std::nullopt;
    const auto slot = broker->addresses.find(0);
    if (slot == broker->addresses.end())
        return std::nullopt;
    const auto live = live_.find({broker->cluster, slot->second});
    if (live == live_.end())
        return std::nullopt;
    return master{slot->second, live->second.ha_address};
}

std::optional<protocol::data_version> route_table::find_version(const live_key& broker) const {
    const auto found = live_.find(broker);
    if (found == live_.end())
        return std::nullopt;
    return found->second.version;
}

std::vector<std::string> route_table::topics_of(const std::string& cluster) const {
    std::vector<std::string> names;
    for (const auto& [topic, per_broker] : queues_)
        if (std::any_of(per_broker.begin(), per_broker.end(), [&](const auto& entry) {
                const auto* broker = find_broker(entry.first);
                return broker != nullptr && broker->cluster == cluster;
            }))
            names.push_back(topic);
    return names;
}

std::vector<std::string> route_table::topics_with(std::int32_t set, std::int32_t clear) const {
    std::vector<std::string> names;
    for (const auto& [topic, per_broker] : queues_)
        if (!per_broker.empty() && (per_broker.begin()->second.sys_flag & (set | clear)) == set)
            names.push_back(topic);
    return names;
}

} // namespace troupe::actors
