#include "actors/messages/member_messages.hpp"
#include "actors/net/broker_proxy.hpp"
#include "client/admin.hpp"
#include "client/internal/asker.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// Where groups are: setting it, and saying what setting it would do. Each broker has the offsets of its own queues.
namespace troupe::client {

namespace {

using offset_changes = std::map<message_queue, offset_change>;
using broker_handles = std::map<std::string, actors::broker_actor>;
using at_one = result<offset_changes> (*)(asker& ask, const actors::broker_actor& broker, const actors::reset_offsets& order);

result<actors::reset_offsets> make_reset(const std::string& group, const std::string& topic, seek_target to) {
    if (auto legal = check_group_name(group); !legal)
        return legal.failure();
    if (auto legal = check_topic_name(topic); !legal)
        return legal.failure();
    actors::reset_offsets order{group, topic, {}, {}, {}};
    order.queue = queue_id{-1};
    order.offset = queue_offset{-1};
    switch (to.kind()) {
    case seek_target::kind_type::first: order.time = timestamp_ms{0}; return order;
    case seek_target::kind_type::last: order.time = timestamp_ms{-1}; return order;
    case seek_target::kind_type::time: order.time = timestamp_ms{std::max<std::int64_t>(to.value(), 0)}; return order;
    case seek_target::kind_type::offset: order.offset = queue_offset{to.value()}; return order;
    case seek_target::kind_type::committed: break;
    }
    return error{errc::argument_illegal, "what group " + group + " has committed is where it is; name another place"};
}

std::int64_t committed_in(const actors::group_described& described, const message_queue& queue) {
    const auto had = described.stats.queues.find(queue);
    return had == described.stats.queues.end() ? -1 : had->second.consumer_offset;
}

result<offset_changes> reset_at(asker& ask, const actors::broker_actor& broker, const actors::reset_offsets& order) {
    const auto before = ask.ask_again<actors::group_described>(broker, actors::describe_group{order.group, order.topic});
    if (!before && before.code() != errc::group_not_found)
        return before.failure(); // nothing is changed that cannot be shown
    const auto role = actors::net::role_of<actors::operator_actor>(broker);
    const auto set = ask.ask_again<actors::offsets_reset>(role, order);
    if (!set)
        return set.failure();
    offset_changes changes;
    for (const auto& [queue, offset] : set->offsets)
        changes[queue] = {before ? committed_in(*before, queue) : -1, queue_offset{offset}};
    return changes;
}

/// As the broker finds it: see broker_resets.cpp.
result<queue_offset> place_in(asker& ask, const actors::broker_actor& broker, const actors::reset_offsets& order,
                              const message_queue& queue, const protocol::queue_stats& stats) {
    if (order.offset.value() < 0 && order.time.value() >= 0) {
        const auto found =
            ask.ask_again<actors::offset_found>(broker, actors::search_offset{{queue.topic, queue_id{queue.queue}}, order.time, false});
        return found ? result<queue_offset>{found->offset} : found.failure();
    }
    if (order.offset.value() < 0)
        return queue_offset{stats.max_offset};
    if (order.offset.value() < stats.min_offset || stats.max_offset < order.offset.value())
        return error{errc::argument_illegal, "offset " + to_string(order.offset) + " is outside queue " + std::to_string(queue.queue) +
                                                 " of topic " + queue.topic + ", which goes from " + std::to_string(stats.min_offset) +
                                                 " to " + std::to_string(stats.max_offset)};
    return order.offset;
}

/// Offsets alone are no group: the broker would refuse the reset.
result<void> check_group_is_there(asker& ask, const actors::broker_actor& broker, const std::string& group) {
    const auto listed = ask.ask_again<actors::groups_listed>(broker, actors::list_groups{});
    if (!listed)
        return listed.failure();
    if (listed->table.groups.contains(group) || ask.ask_again<actors::group_members>(broker, actors::list_group_members{group}))
        return {};
    return error{errc::group_not_found, "group " + group + " does not exist on this broker"};
}

result<offset_changes> preview_at(asker& ask, const actors::broker_actor& broker, const actors::reset_offsets& order) {
    const auto topics = ask.ask_again<actors::topics_listed>(broker, actors::list_topics{});
    if (!topics)
        return topics.failure();
    const auto topic = topics->table.topics.find(order.topic);
    if (topic == topics->table.topics.end())
        return error{errc::topic_not_found, "topic " + order.topic + " does not exist on this broker"};
    if (const auto there = check_group_is_there(ask, broker, order.group); !there)
        return there.failure();
    const auto readable = topic->second.read_queues;
    if (order.queue.value() >= readable)
        return error{errc::queue_not_found, "topic " + order.topic + " has " + std::to_string(readable) +
                                                " queues to read, there is no queue " + to_string(order.queue)};
    const auto before = ask.ask_again<actors::group_described>(broker, actors::describe_group{order.group, order.topic});
    if (!before)
        return before.failure();
    const auto described = ask.ask_again<actors::topic_described>(broker, actors::describe_topic{order.topic});
    if (!described)
        return described.failure();
    offset_changes changes;
    for (const auto& [queue, stats] : described->stats) {
        const bool is_meant = order.queue.value() < 0 ? queue.queue < readable : queue.queue == order.queue.value();
        if (!is_meant)
            continue;
        const auto place = place_in(ask, broker, order, queue, stats);
        if (!place)
            return place.failure();
        changes[queue] = {committed_in(*before, queue), *place};
    }
    return changes;
}

result<offset_changes> on_brokers(asker& ask, const actors::reset_offsets& order, const std::vector<std::string>& broker_names,
                                  at_one act) {
    if (order.offset.value() >= 0)
        return error{errc::argument_illegal, "an offset means something for one queue only; name the queue"};
    const auto brokers = ask.brokers(broker_names);
    if (!brokers)
        return brokers.failure();
    offset_changes all;
    error nowhere{errc::topic_not_found, "no broker has a topic " + order.topic};
    for (const auto& [name, broker] : *brokers) {
        auto changes = act(ask, broker, order);
        if (changes)
            all.merge(*changes);
        else if (changes.code() == errc::topic_not_found || changes.code() == errc::group_not_found)
            nowhere = at_broker(name, changes.failure()); // brokers need not have the same topics, nor know every group
        else
            return at_broker(name, changes.failure());
    }
    return all.empty() ? result<offset_changes>{nowhere} : all;
}

result<offset_change> on_queue(asker& ask, actors::reset_offsets order, const message_queue& queue, at_one act) {
    if (queue.queue < 0)
        return error{errc::queue_not_found, "there is no queue " + std::to_string(queue.queue)};
    order.queue = queue_id{queue.queue};
    const auto brokers = ask.brokers({queue.broker_name});
    if (!brokers)
        return brokers.failure();
    const auto changes = act(ask, brokers->begin()->second, order);
    if (!changes)
        return at_broker(queue.broker_name, changes.failure());
    const auto change = changes->find(queue);
    if (change == changes->end())
        return error{errc::protocol_error,
                     "broker " + queue.broker_name + " did not say where queue " + std::to_string(queue.queue) + " is"};
    return change->second;
}

} // namespace

result<offset_changes> admin::reset_offsets(const std::string& group, const std::string& topic, seek_target to,
                                            const std::vector<std::string>& broker_names) {
    const auto order = make_reset(group, topic, to);
    if (!order)
        return order.failure();
    asker ask{via_};
    return on_brokers(ask, *order, broker_names, &reset_at);
}

result<offset_change> admin::reset_offset(const std::string& group, const message_queue& queue, seek_target to) {
    const auto order = make_reset(group, queue.topic, to);
    if (!order)
        return order.failure();
    asker ask{via_};
    return on_queue(ask, *order, queue, &reset_at);
}

result<offset_changes> admin::preview_reset_offsets(const std::string& group, const std::string& topic, seek_target to,
                                                    const std::vector<std::string>& broker_names) {
    const auto order = make_reset(group, topic, to);
    if (!order)
        return order.failure();
    asker ask{via_};
    return on_brokers(ask, *order, broker_names, &preview_at);
}

result<offset_change> admin::preview_reset_offset(const std::string& group, const message_queue& queue, seek_target to) {
    const auto order = make_reset(group, queue.topic, to);
    if (!order)
        return order.failure();
    asker ask{via_};
    return on_queue(ask, *order, queue, &preview_at);
}

} // namespace troupe::client
