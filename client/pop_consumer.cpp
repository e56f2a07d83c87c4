#include "client/pop_consumer.hpp"

#include "actors/pop_messages.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/to_received.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace troupe::client {

namespace {

constexpr std::int32_t messages_per_pop_max = 32;
constexpr std::chrono::milliseconds wait_max{30'000};

/// What a proxy of a broker serves beside broker_actor.
using pop_actor = caf::typed_actor<caf::replies_to<actors::pop_messages>::with<actors::messages_popped>,
                                   caf::replies_to<actors::acknowledge_messages>::with<actors::messages_acknowledged>,
                                   caf::replies_to<actors::change_invisible_time>::with<actors::invisible_time_changed>>;

pop_actor pops_of(const actors::broker_actor& broker) {
    return caf::actor_cast<pop_actor>(broker);
}

error at_broker(const std::string& name, const error& failure) {
    return {failure.code, "broker " + name + ": " + failure.text};
}

/// Names of the brokers that have queues of the topic to read.
result<std::vector<std::string>> brokers_of(asker& ask, const std::string& topic) {
    const auto found = ask.ask_any_name_server<actors::route_found>(actors::find_route{topic});
    if (!found)
        return found.failure();
    std::vector<std::string> names;
    for (const auto& queues : found->route.queues)
        if ((queues.perm & permission::read) != 0 && queues.read_queues > 0)
            names.push_back(queues.broker_name);
    if (names.empty())
        return error{errc::no_route, "no broker hands out messages of topic " + topic};
    return names;
}

result<std::vector<popped_message>> to_messages(const std::string& broker, const actors::messages_popped& popped) {
    auto records = protocol::decode_records(popped.records);
    if (!records)
        return at_broker(broker, records.failure());
    std::vector<popped_message> messages;
    for (auto& record : *records) {
        const message_queue queue{record.topic, broker, record.queue.value()};
        messages.push_back({to_received(queue, std::move(record)), popped.popped});
    }
    return messages;
}

} // namespace

pop_consumer::pop_consumer(connection via, pop_options options)
    : via_{std::move(via)}, options_{std::move(options)}, next_broker_{std::make_shared<std::uint64_t>(0)} {}

result<pop_consumer> pop_consumer::open(connection via, pop_options options) {
    if (auto legal = check_group_name(options.group); !legal)
        return legal.failure();
    if (auto legal = check_topic_name(options.topic); !legal)
        return legal.failure();
    if (options.messages_max < 1 || options.messages_max > messages_per_pop_max)
        return error{errc::argument_illegal,
                     "messages_max " + std::to_string(options.messages_max) + " is outside 1 to " + std::to_string(messages_per_pop_max)};
    if (options.invisible < std::chrono::milliseconds{1})
        return error{errc::argument_illegal, "messages that are invisible for no time would be delivered again at once"};
    return pop_consumer{std::move(via), std::move(options)};
}

result<std::vector<popped_message>> pop_consumer::pop(std::chrono::milliseconds wait) {
    asker ask{via_};
    const auto names = brokers_of(ask, options_.topic);
    if (!names)
        return names.failure();
    auto brokers = ask.brokers(*names);
    if (!brokers)
        return brokers.failure();
    actors::pop_messages order;
    order.group = options_.group;
    order.topic = options_.topic;
    order.messages_max = options_.messages_max;
    order.invisible_ms = options_.invisible.count();
    order.from_end = options_.from_end;
    order.expression = options_.selector.text();
    order.expression_type = options_.selector.is_sql92() ? "SQL92" : "TAG";
    const auto count = brokers->size();
    const auto first = (*next_broker_)++ % count;
    const auto share = std::clamp(wait, std::chrono::milliseconds{0}, wait_max) / static_cast<std::int64_t>(count);
    // First what is there already; then a wait for each.
    for (const bool waits : {false, true}) {
        if (waits ? share.count() == 0 : count == 1 && share.count() > 0)
            continue;
        order.poll_ms = waits ? share.count() : 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto& [name, broker] = *std::next(brokers->begin(), static_cast<std::ptrdiff_t>((first + i) % count));
            const auto timeout = via_.options().request_timeout + std::chrono::milliseconds{order.poll_ms};
            const auto popped = ask.ask_within<actors::messages_popped>(timeout, pops_of(broker), order);
            if (!popped)
                return at_broker(name, popped.failure());
            if (popped->status == actors::pop_status::found)
                return to_messages(name, *popped);
        }
    }
    return std::vector<popped_message>{};
}

result<void> pop_consumer::acknowledge(const popped_message& message) {
    return acknowledge(std::vector{message});
}

result<void> pop_consumer::acknowledge(const std::vector<popped_message>& messages) {
    std::map<std::string, actors::acknowledge_messages> orders;
    for (const auto& one : messages)
        orders[one.message.queue.broker_name].parts.push_back(
            {options_.group, {options_.topic, queue_id{one.message.queue.queue}}, one.popped, false, {one.message.offset}});
    asker ask{via_};
    for (const auto& [name, order] : orders) {
        const auto brokers = ask.brokers({name});
        if (!brokers)
            return brokers.failure();
        const auto done = ask.ask<actors::messages_acknowledged>(pops_of(brokers->begin()->second), order);
        if (!done)
            return at_broker(name, done.failure());
    }
    return {};
}

result<void> pop_consumer::change_invisible_time(popped_message& message, std::chrono::milliseconds invisible) {
    asker ask{via_};
    const auto& queue = message.message.queue;
    const auto brokers = ask.brokers({queue.broker_name});
    if (!brokers)
        return brokers.failure();
    const actors::change_invisible_time order{
        options_.group, {options_.topic, queue_id{queue.queue}}, message.message.offset, message.popped, false, invisible.count()};
    const auto changed = ask.ask<actors::invisible_time_changed>(pops_of(brokers->begin()->second), order);
    if (!changed)
        return at_broker(queue.broker_name, changed.failure());
    message.popped = changed->popped;
    return {};
}

} // namespace troupe::client
