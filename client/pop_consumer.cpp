#include "client/pop_consumer.hpp"

#include "actors/messages/pop_messages.hpp"
#include "actors/schedule/message_return.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/known_brokers.hpp"
#include "client/internal/subscription_filter.hpp"
#include "client/internal/to_received.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

namespace troupe::client {

namespace {

constexpr std::int32_t messages_per_pop_max = 32;
constexpr std::chrono::milliseconds wait_max{30'000};
/// Few messages are ever put back: the retry topic is looked at so often while its group pops.
constexpr std::chrono::milliseconds retry_topic_interval{1'000};
/// So long this consumer keeps away from the retry topic when it found another topic's message there, which it gives back much sooner: each
/// look costs the message one of its tries.
constexpr std::chrono::milliseconds others_first{10'000};
constexpr std::chrono::milliseconds give_back_pause{100};

/// What a proxy of a broker serves beside broker_actor.
using pop_actor = caf::typed_actor<caf::replies_to<actors::pop_messages>::with<actors::messages_popped>,
                                   caf::replies_to<actors::acknowledge_messages>::with<actors::messages_acknowledged>,
                                   caf::replies_to<actors::change_invisible_time>::with<actors::invisible_time_changed>>;

pop_actor pops_of(const actors::broker_actor& broker) {
    return caf::actor_cast<pop_actor>(broker);
}

bool says_that_view_is_old(errc code) {
    return hints_at_lost_broker(code) || hints_at_old_route(code) || code == errc::timed_out;
}

/// Of a message of a retry topic that has its own topic's name again, RocketMQ's brokers write the handle into the message; of the others
/// the pop says where in their queue it began, or it began with the first that came.
protocol::receipt_handle handle_of(const std::string& broker, const std::vector<protocol::popped_queue>& queues,
                                   const actors::messages_popped& popped, const protocol::message& record, queue_offset first) {
    if (const auto written = protocol::find_property(record.properties, protocol::property_name::receipt_handle))
        if (auto handle = protocol::decode_receipt_handle(*written);
            handle && handle->retry_flag != 0 && handle->queue == record.queue && handle->offset == record.offset)
            return std::move(*handle);
    protocol::receipt_handle handle;
    handle.start = first;
    for (const auto& queue : queues)
        if (queue.queue == record.queue && std::binary_search(queue.offsets.begin(), queue.offsets.end(), record.offset))
            handle.start = queue.start;
    if (handle.start.value() < 0 || handle.start > record.offset)
        handle.start = record.offset;
    handle.popped = popped.popped;
    handle.invisible_ms = popped.invisible_ms;
    handle.revive_queue = popped.revive_queue;
    handle.broker_name = broker;
    handle.queue = record.queue;
    handle.offset = record.offset;
    return handle;
}

actors::pop_handle to_pop_handle(const protocol::receipt_handle& handle) {
    return {handle.start, handle.popped, handle.invisible_ms, handle.revive_queue, handle.retry_flag};
}

/// `topic` was popped: what the answer says of queues is of its own.
result<std::vector<popped_message>> to_messages(const std::string& broker, const std::string& topic,
                                                const actors::messages_popped& popped) {
    auto records = protocol::decode_records(popped.records);
    if (!records)
        return at_broker(broker, records.failure());
    std::vector<popped_message> messages;
    unpacking_room room;
    const std::vector<protocol::popped_queue> none;
    std::map<std::pair<std::string, queue_id>, queue_offset> first; // of what came of each queue
    for (auto& record : *records) {
        const message_queue queue{record.topic, broker, record.queue.value()};
        const auto start = first.try_emplace({record.topic, record.queue}, record.offset).first->second;
        auto handle = handle_of(broker, record.topic == topic ? popped.queues : none, popped, record, start);
        messages.push_back(
            {to_received(queue, std::move(record), room), popped.popped, protocol::encode_receipt_handle(handle), queue.topic});
    }
    return messages;
}

result<protocol::receipt_handle> read_handle(const popped_message& message) {
    auto handle = protocol::decode_receipt_handle(message.handle);
    if (!handle || handle->start.value() < 0 || handle->start > handle->offset)
        return error{errc::argument_illegal, "\"" + message.handle + "\" is no handle of a popped message"};
    return handle;
}

/// One request's worth of acknowledgements, with the messages that were popped together in one part.
class ack_orders {
public:
    ack_orders(std::string group, std::string broker) : group_{std::move(group)}, broker_{std::move(broker)} {}

    void add(const std::string& topic, const protocol::receipt_handle& handle) {
        const part_key key{topic, handle.queue, handle.start, handle.popped, handle.invisible_ms, handle.revive_queue, handle.retry_flag};
        // So far behind where its pop began, a message has no place in a set of offsets: it goes by itself.
        const bool is_alone = handle.offset.value() - handle.start.value() >= protocol::ack_span_max;
        if (orders_.empty() || is_alone || weight_ + 2 > protocol::acks_per_request_max) {
            orders_.emplace_back();
            orders_.back().broker_name = broker_;
            parts_.clear();
            weight_ = 0;
        }
        auto& order = orders_.back();
        const auto [at, is_new] = parts_.try_emplace(key, order.parts.size());
        if (is_new) {
            order.parts.push_back({group_, {topic, handle.queue}, to_pop_handle(handle), {}});
            ++weight_;
        }
        order.parts[at->second].offsets.push_back(handle.offset);
        weight_ = is_alone ? protocol::acks_per_request_max : weight_ + 1;
    }
    std::vector<actors::acknowledge_messages> take() && {
        for (auto& order : orders_)
            for (auto& part : order.parts) {
                std::sort(part.offsets.begin(), part.offsets.end());
                part.offsets.erase(std::unique(part.offsets.begin(), part.offsets.end()), part.offsets.end());
            }
        return std::move(orders_);
    }

private:
    using part_key = std::tuple<std::string, queue_id, queue_offset, timestamp_ms, std::int64_t, std::int32_t, std::int32_t>;

    const std::string group_;
    const std::string broker_;
    std::vector<actors::acknowledge_messages> orders_;
    std::map<part_key, std::size_t> parts_; ///< of the last order, with their places
    std::size_t weight_ = 0;                ///< in a request a message counts, and so does what says where it lies
};

} // namespace

/// What copies of a consumer share.
class pop_consumer::state {
public:
    state(connection via, pop_options options, subscription_filter filter)
        : via_{std::move(via)}, options_{std::move(options)}, filter_{std::move(filter)}, brokers_{route_times(via_)} {}

    result<std::vector<popped_message>> pop(std::chrono::milliseconds wait);
    result<void> acknowledge(const std::vector<popped_message>& messages);
    result<void> change_invisible_time(popped_message& message, std::chrono::milliseconds invisible);

private:
    /// What one pop has heard so far.
    struct heard {
        std::vector<popped_message> messages;
        bool any = false; ///< a broker has answered
        error failure;    ///< of the last that has not
    };
    static known_brokers::options route_times(const connection& via) {
        known_brokers::options times;
        times.refresh = via.options().route_refresh;
        return times;
    }
    [[nodiscard]] std::vector<std::string> in_turn(const known_brokers::broker_map& brokers);
    [[nodiscard]] actors::pop_messages order() const;
    bool pop_from(asker& ask, const std::string& name, const actors::broker_actor& broker, const actors::pop_messages& order, heard& all);
    void pop_put_back(asker& ask, heard& all);
    template <class Answer, class Order>
    result<Answer> ask_broker(asker& ask, const std::string& name, const Order& order);
    result<void> change_invisible_time(asker& ask, popped_message& message, std::chrono::milliseconds invisible);

    const connection via_;
    const pop_options options_;
    const subscription_filter filter_;
    known_brokers brokers_;
    std::atomic<std::uint64_t> next_broker_{0}; ///< brokers take turns
    std::atomic<std::chrono::steady_clock::time_point> retry_topic_due_{std::chrono::steady_clock::time_point{}};
};

/// Another one first each time; last those that have just failed.
std::vector<std::string> pop_consumer::state::in_turn(const known_brokers::broker_map& brokers) {
    std::vector<std::string> names;
    for (const auto& [name, broker] : brokers)
        names.push_back(name);
    const auto first = next_broker_.fetch_add(1, std::memory_order_relaxed) % names.size();
    std::rotate(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(first), names.end());
    std::stable_partition(names.begin(), names.end(), [this](const std::string& name) { return !brokers_.is_suspect(name); });
    return names;
}

actors::pop_messages pop_consumer::state::order() const {
    actors::pop_messages order;
    order.group = options_.group;
    order.topic = options_.topic;
    order.messages_max = options_.messages_max;
    order.invisible_ms = options_.invisible.count();
    order.from_end = options_.from_end;
    order.expression = filter_.expression();
    order.expression_type = filter_.type();
    return order;
}

/// False: it has not answered.
bool pop_consumer::state::pop_from(asker& ask, const std::string& name, const actors::broker_actor& broker,
                                   const actors::pop_messages& order, heard& all) {
    const auto timeout = via_.options().request_timeout + std::chrono::milliseconds{order.poll_ms};
    const auto popped = ask.ask_within<actors::messages_popped>(timeout, pops_of(broker), order);
    auto messages = popped ? to_messages(name, order.topic, *popped) : at_broker(name, popped.failure());
    if (!messages) {
        all.failure = messages.failure();
        if (says_that_view_is_old(all.failure.code))
            brokers_.failed(name);
        return false;
    }
    brokers_.answered(name);
    all.any = true;
    all.messages = std::move(*messages);
    return true;
}

/// Messages of the group's retry topic that belong to this topic: dead letters that were put back. Its failures concern nobody: the topic
/// itself is asked next.
void pop_consumer::state::pop_put_back(asker& ask, heard& all) {
    const auto now = std::chrono::steady_clock::now();
    auto due = retry_topic_due_.load();
    if (now < due || !retry_topic_due_.compare_exchange_strong(due, now + retry_topic_interval))
        return;
    auto take = order();
    take.topic = actors::retry_topic_of(options_.group);
    take.expression.clear(); // it was wanted when it was delivered first
    take.expression_type.clear();
    take.from_end = false;
    const auto brokers = brokers_.of_topic(ask, take.topic);
    if (!brokers)
        return;
    for (const auto& [name, broker] : *brokers) {
        heard some;
        if (brokers_.is_suspect(name) || !pop_from(ask, name, broker, take, some))
            continue;
        for (auto& one : some.messages) {
            if (one.message.queue.topic == options_.topic) {
                all.messages.push_back(std::move(one));
                continue;
            }
            retry_topic_due_ = now + others_first;
            (void)change_invisible_time(ask, one, give_back_pause); // if that fails it comes when its time is over
        }
        if (!all.messages.empty())
            return;
    }
}

result<std::vector<popped_message>> pop_consumer::state::pop(std::chrono::milliseconds wait) {
    asker ask{via_};
    heard all;
    pop_put_back(ask, all);
    if (!all.messages.empty())
        return std::move(all.messages);
    const auto brokers = brokers_.of_topic(ask, options_.topic);
    if (!brokers)
        return brokers.failure();
    auto names = in_turn(*brokers);
    auto take = order();
    // First what is there already; then a wait for each.
    wait = std::clamp(wait, std::chrono::milliseconds{0}, wait_max);
    if (names.size() > 1 || wait.count() == 0) {
        std::vector<std::string> answering;
        for (const auto& name : names) {
            if (all.any && brokers_.is_suspect(name))
                continue;
            if (pop_from(ask, name, brokers->at(name), take, all))
                answering.push_back(name);
            if (!all.messages.empty())
                return std::move(all.messages);
        }
        names = std::move(answering);
    }
    for (const auto& name : names) {
        take.poll_ms = wait.count() / static_cast<std::int64_t>(names.size());
        if (take.poll_ms == 0)
            break;
        pop_from(ask, name, brokers->at(name), take, all);
        if (!all.messages.empty())
            return std::move(all.messages);
    }
    if (!all.any)
        return all.failure;
    return std::vector<popped_message>{};
}

template <class Answer, class Order>
result<Answer> pop_consumer::state::ask_broker(asker& ask, const std::string& name, const Order& order) {
    const auto broker = brokers_.named(ask, name);
    if (!broker)
        return broker.failure();
    auto answer = ask.ask<Answer>(pops_of(*broker), order);
    if (!answer && says_that_view_is_old(answer.code()))
        brokers_.failed(name);
    return answer ? std::move(answer) : at_broker(name, answer.failure());
}

result<void> pop_consumer::state::acknowledge(const std::vector<popped_message>& messages) {
    std::map<std::string, ack_orders> brokers;
    for (const auto& one : messages) {
        const auto handle = read_handle(one);
        if (!handle)
            return handle.failure();
        const auto& name = one.message.queue.broker_name;
        brokers.try_emplace(name, options_.group, name).first->second.add(one.lies_in, *handle);
    }
    asker ask{via_};
    result<void> outcome;
    for (auto& [name, orders] : brokers) // each, whatever became of the others
        for (const auto& order : std::move(orders).take())
            if (const auto done = ask_broker<actors::messages_acknowledged>(ask, name, order); !done)
                outcome = done.failure();
    return outcome;
}

result<void> pop_consumer::state::change_invisible_time(popped_message& message, std::chrono::milliseconds invisible) {
    asker ask{via_};
    return change_invisible_time(ask, message, invisible);
}

result<void> pop_consumer::state::change_invisible_time(asker& ask, popped_message& message, std::chrono::milliseconds invisible) {
    auto handle = read_handle(message);
    if (!handle)
        return handle.failure();
    const auto& name = message.message.queue.broker_name;
    const actors::change_invisible_time order{
        options_.group, {message.lies_in, handle->queue}, handle->offset, to_pop_handle(*handle), invisible.count(), name};
    const auto changed = ask_broker<actors::invisible_time_changed>(ask, name, order);
    if (!changed)
        return changed.failure();
    handle->start = handle->offset; // it is out by itself from now on
    handle->popped = message.popped = changed->popped;
    handle->invisible_ms = changed->invisible_ms;
    handle->revive_queue = changed->revive_queue;
    message.handle = protocol::encode_receipt_handle(*handle);
    return {};
}

pop_consumer::pop_consumer(std::shared_ptr<state> s) : state_{std::move(s)} {}

result<pop_consumer> pop_consumer::open(connection via, pop_options options) {
    if (auto legal = check_group_name(options.group); !legal)
        return legal.failure();
    if (auto legal = check_topic_name(options.topic); !legal)
        return legal.failure();
    auto filter = subscription_filter::parse(options.selector);
    if (!filter)
        return filter.failure();
    if (options.messages_max < 1 || options.messages_max > messages_per_pop_max)
        return error{errc::argument_illegal,
                     "messages_max " + std::to_string(options.messages_max) + " is outside 1 to " + std::to_string(messages_per_pop_max)};
    if (options.invisible < std::chrono::milliseconds{1})
        return error{errc::argument_illegal, "messages that are invisible for no time would be delivered again at once"};
    return pop_consumer{std::make_shared<state>(std::move(via), std::move(options), std::move(*filter))};
}

result<std::vector<popped_message>> pop_consumer::pop(std::chrono::milliseconds wait) {
    return state_->pop(wait);
}

result<void> pop_consumer::acknowledge(const popped_message& message) {
    return acknowledge(std::vector{message});
}

result<void> pop_consumer::acknowledge(const std::vector<popped_message>& messages) {
    return state_->acknowledge(messages);
}

result<void> pop_consumer::change_invisible_time(popped_message& message, std::chrono::milliseconds invisible) {
    return state_->change_invisible_time(message, invisible);
}

} // namespace troupe::client
