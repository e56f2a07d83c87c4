#pragma once

#include "client/message.hpp"

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace troupe::client {

/// How the members of a group share out the queues of a topic (RocketMQ: AllocateMessageQueueStrategy). There is no leader: each
/// member works out its own part from the same two lists, so all members of a group, whatever their language, need the same
/// strategy with the same settings. With different ones a queue may have two readers, or none.
///
/// A cheap value, safe to copy and to use from several threads at once. Source of the rules: rocketmq-client 5.3.3, classes
/// AllocateMessageQueue*; tests/client/allocation_strategy_test.cpp has what those classes answer.
class allocation_strategy {
public:
    using queue_list = std::vector<message_queue>;
    using id_list = std::vector<std::string>;
    /// Gets both lists sorted and without duplicates, and an id that is among them. Pure: the same for the same arguments.
    using function = std::function<queue_list(const queue_list& queues, const id_list& client_ids, const std::string& own_id)>;
    using room_of_queue = std::function<std::string(const message_queue&)>;
    using room_of_client = std::function<std::string(const std::string& client_id)>;

    /// Contiguous shares, the first (queues mod members) members with one queue more. RocketMQ's default, and this one's.
    allocation_strategy();
    static allocation_strategy averagely() { return {}; }
    /// One queue to each in turn, so that each member has some of every broker's.
    static allocation_strategy averagely_by_circle();
    /// Each queue to the member that follows it on a ring of hashes: when a member comes or goes, only its own queues move. Shares are
    /// uneven. RocketMQ's ring: MD5, each member at `virtual_nodes` places (0: nobody reads anything).
    static allocation_strategy consistent_hash(std::size_t virtual_nodes = 10);
    /// Only brokers named "<room>@<name>" with a room of `rooms` are read, averagely; the queues of the others are left to groups in
    /// other rooms.
    static allocation_strategy by_machine_room(std::set<std::string> rooms);
    /// Queues go, by `within`, to the members in their broker's room; those of a room without members go to all members.
    static allocation_strategy machine_room_nearby(allocation_strategy within, room_of_queue queue_room, room_of_client client_room);
    /// This member reads just these, if they exist; the group's retry topic, unless it is among them, averagely.
    static allocation_strategy by_config(queue_list queues);
    /// One's own rule, by the name that it has in other members. What it returns that was not in the list is dropped.
    static allocation_strategy custom(std::string name, function rule);

    /// RocketMQ's name: AVG, AVG_BY_CIRCLE, CONSISTENT_HASH, MACHINE_ROOM, MACHINE_ROOM_NEARBY-<within>, CONFIG, or a custom one.
    [[nodiscard]] const std::string& name() const { return name_; }
    /// The part of `own_id`, sorted. Sorts and de-duplicates its arguments; empty when `own_id` is not among the members. Throws what a
    /// function that the user gave throws.
    [[nodiscard]] queue_list allocate(queue_list queues, id_list client_ids, const std::string& own_id) const;

private:
    allocation_strategy(std::string name, function rule);

    std::string name_;
    function rule_;
};

} // namespace troupe::client
