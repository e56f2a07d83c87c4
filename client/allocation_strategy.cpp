#include "client/allocation_strategy.hpp"

#include "client/internal/hash_ring.hpp"
#include "client/internal/sorted.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace troupe::client {

namespace {

using queue_list = allocation_strategy::queue_list;
using id_list = allocation_strategy::id_list;

std::size_t index_of(const id_list& client_ids, const std::string& own_id) {
    return static_cast<std::size_t>(std::lower_bound(client_ids.begin(), client_ids.end(), own_id) - client_ids.begin());
}

queue_list share_averagely(const queue_list& queues, const id_list& client_ids, const std::string& own_id) {
    const auto index = index_of(client_ids, own_id);
    const auto rest = queues.size() % client_ids.size();
    const auto share = queues.size() / client_ids.size();
    const auto size = share + (index < rest ? 1 : 0);
    const auto first = queues.begin() + static_cast<std::ptrdiff_t>(index * share + std::min(index, rest));
    return {first, first + static_cast<std::ptrdiff_t>(size)};
}

queue_list share_by_circle(const queue_list& queues, const id_list& client_ids, const std::string& own_id) {
    queue_list own;
    for (auto i = index_of(client_ids, own_id); i < queues.size(); i += client_ids.size())
        own.push_back(queues[i]);
    return own;
}

/// What Java's MessageQueue.toString() makes of it: the ring hashes that.
std::string ring_key(const message_queue& queue) {
    return "MessageQueue [topic=" + queue.topic + ", brokerName=" + queue.broker_name + ", queueId=" + std::to_string(queue.queue) + "]";
}

queue_list share_by_hash(const queue_list& queues, const id_list& client_ids, const std::string& own_id, std::size_t virtual_nodes) {
    const hash_ring ring{client_ids, virtual_nodes};
    queue_list own;
    std::copy_if(queues.begin(), queues.end(), std::back_inserter(own), [&](const message_queue& queue) {
        const auto* owner = ring.owner_of(ring_key(queue));
        return owner != nullptr && *owner == own_id;
    });
    return own;
}

queue_list share_in_rooms(const queue_list& queues, const id_list& client_ids, const std::string& own_id,
                          const std::set<std::string>& rooms) {
    queue_list inside;
    std::copy_if(queues.begin(), queues.end(), std::back_inserter(inside), [&](const message_queue& queue) {
        const auto at = queue.broker_name.find('@');
        return at != std::string::npos && queue.broker_name.find('@', at + 1) == std::string::npos && at + 1 != queue.broker_name.size() &&
               rooms.contains(queue.broker_name.substr(0, at));
    });
    // RocketMQ's remainder here is not the one of AVG: the queues beyond equal shares follow all of these.
    const auto index = index_of(client_ids, own_id);
    const auto share = inside.size() / client_ids.size();
    const auto first = inside.begin() + static_cast<std::ptrdiff_t>(index * share);
    queue_list own{first, first + static_cast<std::ptrdiff_t>(share)};
    if (const auto extra = share * client_ids.size() + index; extra < inside.size())
        own.push_back(inside[extra]);
    return own;
}

struct room_rules {
    allocation_strategy within;
    allocation_strategy::room_of_queue queue_room;
    allocation_strategy::room_of_client client_room;
};

queue_list share_nearby(const queue_list& queues, const id_list& client_ids, const std::string& own_id, const room_rules& rules) {
    std::map<std::string, queue_list> queues_of;
    for (const auto& queue : queues)
        queues_of[rules.queue_room(queue)].push_back(queue);
    std::map<std::string, id_list> clients_of;
    for (const auto& id : client_ids)
        clients_of[rules.client_room(id)].push_back(id);
    const auto own_room = rules.client_room(own_id);
    queue_list own;
    for (const auto& [room, inside] : queues_of) {
        const auto clients = clients_of.find(room);
        if (clients != clients_of.end() && room != own_room)
            continue;
        auto part = rules.within.allocate(inside, clients != clients_of.end() ? clients->second : client_ids, own_id);
        own.insert(own.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
    }
    return own;
}

queue_list share_as_configured(const queue_list& queues, const id_list& client_ids, const std::string& own_id,
                               const queue_list& configured) {
    queue_list own;
    std::set_intersection(queues.begin(), queues.end(), configured.begin(), configured.end(), std::back_inserter(own));
    if (own.empty() && is_retry_topic(queues.front().topic))
        return share_averagely(queues, client_ids, own_id);
    return own;
}

} // namespace

allocation_strategy::allocation_strategy() : allocation_strategy{"AVG", share_averagely} {}
allocation_strategy::allocation_strategy(std::string name, function rule) : name_{std::move(name)}, rule_{std::move(rule)} {}

allocation_strategy allocation_strategy::averagely_by_circle() {
    return {"AVG_BY_CIRCLE", share_by_circle};
}

allocation_strategy allocation_strategy::consistent_hash(std::size_t virtual_nodes) {
    return {"CONSISTENT_HASH", [virtual_nodes](const queue_list& queues, const id_list& client_ids, const std::string& own_id) {
                return share_by_hash(queues, client_ids, own_id, virtual_nodes);
            }};
}

allocation_strategy allocation_strategy::by_machine_room(std::set<std::string> rooms) {
    return {"MACHINE_ROOM", [rooms = std::move(rooms)](const queue_list& queues, const id_list& client_ids, const std::string& own_id) {
                return share_in_rooms(queues, client_ids, own_id, rooms);
            }};
}

allocation_strategy allocation_strategy::machine_room_nearby(allocation_strategy within, room_of_queue queue_room,
                                                             room_of_client client_room) {
    auto name = "MACHINE_ROOM_NEARBY-" + within.name();
    return {std::move(name), [rules = room_rules{std::move(within), std::move(queue_room), std::move(client_room)}](
                                 const queue_list& queues, const id_list& client_ids, const std::string& own_id) {
                return share_nearby(queues, client_ids, own_id, rules);
            }};
}

allocation_strategy allocation_strategy::by_config(queue_list configured) {
    sort_unique(configured);
    return {"CONFIG", [configured = std::move(configured)](const queue_list& queues, const id_list& client_ids, const std::string& own_id) {
                return share_as_configured(queues, client_ids, own_id, configured);
            }};
}

allocation_strategy allocation_strategy::custom(std::string name, function rule) {
    return {std::move(name), std::move(rule)};
}

queue_list allocation_strategy::allocate(queue_list queues, id_list client_ids, const std::string& own_id) const {
    sort_unique(queues);
    sort_unique(client_ids);
    if (queues.empty() || !std::binary_search(client_ids.begin(), client_ids.end(), own_id))
        return {};
    auto chosen = rule_(queues, client_ids, own_id);
    sort_unique(chosen);
    std::erase_if(chosen, [&](const message_queue& queue) { return !std::binary_search(queues.begin(), queues.end(), queue); });
    return chosen;
}

} // namespace troupe::client
