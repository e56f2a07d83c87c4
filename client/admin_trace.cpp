#include "actors/log/message_finder.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/net/broker_proxy.hpp"
#include "actors/schedule/message_return.hpp"
#include "client/admin.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/to_received.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/property_edit.hpp"

#include <algorithm>
#include <utility>

/// One message's way. Its broker says who got it; its copies lie on the same broker, because that is where it was given back.
namespace troupe::client {

namespace {

using actors::net::role_of;

/// RocketMQ's brokers answer with at most as many.
constexpr std::int32_t copies_max = 64;

result<protocol::message_trace> trace_at(asker& ask, const actors::broker_actor& broker, const received_message& message) {
    const auto role = role_of<actors::operator_actor>(broker);
    const topic_queue queue{message.queue.topic, queue_id{message.queue.queue}};
    auto traced = ask.ask_again<actors::message_traced>(role, actors::trace_message{queue, message.offset});
    if (!traced)
        return at_broker(message.queue.broker_name, traced.failure());
    return std::move(traced->trace);
}

/// Brokers say in a copy where its original lies. Consumers that send a copy themselves leave that out, or put the unique key there
/// (RocketMQ's Java client: its ordered consumers, and the others when their broker did not take a message back).
bool is_copy(const received_message& copy, const received_message& original) {
    const auto origin = copy.property(protocol::property_name::origin_message_id);
    if (copy.message_id() != original.message_id())
        return false;
    if (origin.empty() || origin == original.message_id())
        return copy.property(protocol::property_name::retry_topic) == original.queue.topic;
    return origin == original.offset_message_id;
}

/// Copies of `original` in `topic`, the oldest first. Several sends of one message have one unique key: only copies of this one count.
result<std::vector<received_message>> copies_in(asker& ask, const actors::broker_actor& broker, const std::string& topic,
                                                const received_message& original) {
    actors::find_messages order;
    order.topic = topic;
    order.key = original.message_id();
    order.messages_max = copies_max;
    order.end = timestamp_ms{INT64_MAX};
    order.by_unique_key = true;
    const auto finder = role_of<actors::message_lookup_actor>(broker);
    const auto found = ask.ask<actors::messages_found>(finder, order);
    std::vector<received_message> copies;
    if (!found) {
        const bool nothing = found.code() == errc::message_not_found || found.code() == errc::topic_not_found;
        return nothing ? result<std::vector<received_message>>{std::move(copies)} : at_broker(original.queue.broker_name, found.failure());
    }
    auto records = protocol::decode_records(found->records);
    if (!records)
        return at_broker(original.queue.broker_name, records.failure());
    unpacking_room room;
    for (auto& record : *records) {
        const message_queue queue{record.topic, original.queue.broker_name, record.queue.value()};
        auto copy = to_received(queue, std::move(record), room);
        copy.queue = queue; // where it is, and not what it was first sent to
        if (is_copy(copy, original))
            copies.push_back(std::move(copy));
    }
    std::reverse(copies.begin(), copies.end());
    return copies;
}

} // namespace

result<message_way> admin::trace_message(const std::string& id, const std::string& topic) {
    auto original = find_message(id, topic);
    if (!original)
        return original.failure();
    asker ask{via_};
    const auto brokers = ask.brokers({original->queue.broker_name});
    if (!brokers)
        return brokers.failure();
    const auto& broker = brokers->at(original->queue.broker_name);
    auto trace = trace_at(ask, broker, *original);
    if (!trace)
        return trace.failure();
    message_way way;
    way.copies_are_findable = !original->message_id().empty();
    way.stops.push_back({message_stop::kind_type::original, {}, *original, *trace});
    for (const auto& group : trace->groups) {
        using kind_type = message_stop::kind_type;
        for (const auto kind : {kind_type::retry, kind_type::dead_letter}) {
            const auto where = kind == kind_type::retry ? actors::retry_topic_of(group.group) : actors::dead_letter_topic_of(group.group);
            if (!way.copies_are_findable || where == original->queue.topic)
                continue;
            auto copies = copies_in(ask, broker, where, *original);
            if (!copies)
                return copies.failure();
            for (auto& copy : *copies) {
                auto known = trace_at(ask, broker, copy);
                if (!known)
                    return known.failure();
                way.stops.push_back({kind, group.group, std::move(copy), std::move(*known)});
            }
        }
    }
    const auto place = [](const message_stop& stop) { return std::pair{stop.group, stop.message.stored.value()}; };
    std::stable_sort(way.stops.begin() + 1, way.stops.end(),
                     [&place](const message_stop& left, const message_stop& right) { return place(left) < place(right); });
    return way;
}

} // namespace troupe::client
