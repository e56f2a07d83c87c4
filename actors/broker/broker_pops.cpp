#include "actors/broker/broker_state.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <string>
#include <utility>

// Pops: what they may take. RocketMQ: PopMessageProcessor, PeekMessageProcessor, NotificationProcessor.

namespace troupe::actors {

namespace {

constexpr std::int32_t messages_per_pop_max = 32;
constexpr std::int64_t poll_ms_max = 3'600'000;
constexpr std::int64_t invisible_ms_max = std::int64_t{7} * 24 * 3'600 * 1'000;

} // namespace

// ---- pops -----------------------------------------------------------------------------------------------------------

void broker_state::handle(const pop_ticketed& order) {
    const auto refuse = [this, ticket = order.ticket, holder = order.reply_to](const error& failure) {
        self_->send(holder, pop_answered{ticket, failure, {}});
    };
    auto pop = finishing_ ? result<checked_pop>{closing()} : check_pop(order.pop);
    if (!pop || !setup_.pop_keeper)
        return refuse(pop ? error{errc::not_supported, "this broker serves no pops"} : pop.failure());
    if (!groups_.contains(order.pop.group)) // what is kept of a group is bounded by the number of groups
        return ensure_group(order.pop.group, [this, order, refuse](const error& failure) {
            if (failure.code != errc::none || !groups_.contains(order.pop.group))
                return refuse(failure.code != errc::none ? failure : error{errc::busy, "group " + order.pop.group + " is being deleted"});
            handle(order);
        });
    pop->ticket = order.ticket;
    pop->reply_to = order.reply_to;
    if (order.pop.kind == pop_kind::take) {
        resets_.forget_queues(order.pop.group, order.pop.topic, order.pop.queue); // whoever pops is where they say
        const auto share = std::clamp<std::int64_t>(setup_.shares->messages_max(order.pop.group), 1, messages_per_pop_max);
        pop->pop.messages_max = std::min(pop->pop.messages_max, static_cast<std::int32_t>(share));
        if (setup_.shares->wait(order.pop.group, now()).count() > 0) {
            throttled_pop waiting{order.pop.group, std::move(*pop), throttle_deadline(order.pop.poll_ms)};
            if (const auto waits = note_throttled(throttle_.hold(std::move(waiting), now())); !waits)
                refuse(waits.failure());
            return;
        }
    }
    self_->send(setup_.pop_keeper, std::move(*pop));
}

void broker_state::answer_nothing(const checked_pop& pop) {
    messages_popped nothing;
    nothing.kind = pop.pop.kind;
    nothing.popped = setup_.options.now();
    nothing.invisible_ms = pop.pop.invisible_ms;
    nothing.revive_queue = pop.pop.ordered ? protocol::ordered_revive_queue : 0;
    self_->send(pop.reply_to, pop_answered{pop.ticket, {}, std::move(nothing)});
}

void broker_state::handle(const pops_abandoned& order) {
    throttle_.drop_pops(order.reply_to, order.tickets);
    if (setup_.pop_keeper)
        self_->send(setup_.pop_keeper, order); // behind the pops that it speaks of
}

result<checked_pop> broker_state::check_pop(const pop_messages& order) {
    if ((topics_->broker_perm() & permission::read) == 0)
        return error{errc::not_permitted, "this broker hands out no messages (its permission lacks read)"};
    if (order.messages_max < 1 || order.messages_max > messages_per_pop_max)
        return error{errc::argument_illegal,
                     std::to_string(order.messages_max) + " messages in one pop; ask for 1 to " + std::to_string(messages_per_pop_max)};
    if (order.kind == pop_kind::take && (order.invisible_ms < 1 || order.invisible_ms > invisible_ms_max))
        return error{errc::argument_illegal,
                     "invisible time " + std::to_string(order.invisible_ms) + " ms is outside 1 to " + std::to_string(invisible_ms_max)};
    const auto* topic = topics_->find(order.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found, "topic " + order.topic + " does not exist on this broker; create it first"};
    if ((topic->perm & permission::read) == 0)
        return error{errc::not_permitted, "topic " + order.topic + " hands out no messages (its permission lacks read)"};
    if (order.queue.value() >= topic->read_queues)
        return error{errc::queue_not_found, "topic " + order.topic + " has " + std::to_string(topic->read_queues) +
                                                " queues to read, there is no queue " + to_string(order.queue)};
    if (!may_use_group(order.group))
        return error{errc::group_not_found, "group " + order.group + " does not exist on this broker; create it first"};
    const auto group = groups_.find(order.group);
    if (group != groups_.end() && !group->second.consume_enable)
        return error{errc::not_permitted, "group " + order.group + " may not consume (consume_enable is off)"};
    if (order.attempt.size() > limits::client_id_bytes_max)
        return error{errc::argument_illegal, "the attempt id has " + std::to_string(order.attempt.size()) + " bytes; at most " +
                                                 std::to_string(limits::client_id_bytes_max) + " are allowed"};
    if (auto settled = check_settled(order.topic, order.group); !settled)
        return settled.failure();
    auto filter = filter_for(order.topic, order.expression, order.expression_type);
    if (!filter)
        return filter.failure();
    checked_pop pop;
    pop.pop = order;
    pop.pop.poll_ms = std::clamp(order.poll_ms, std::int64_t{0}, poll_ms_max); // no sum of what a client says overflows
    pop.filter = std::move(*filter);
    pop.queues = topic->read_queues;
    pop.deliveries_max = deliveries_max_of(group == groups_.end() ? retry_max_default : group->second.retry_max);
    return pop;
}

/// What is being forgotten must not come back by a pop that came meanwhile.
result<void> broker_state::check_settled(const std::string& topic, const std::string& group) const {
    if (changes_.is_removed(change_of_group(group)) || changes_.contains(change_of_mode(topic, group)))
        return error{errc::busy, "group " + group + " is being deleted, or how it takes messages of topic " + topic +
                                     " is being changed; pop again later"};
    return {};
}

/// What was popped goes first; then `next` is told of the outcome.
void broker_state::forget_popped(const std::string& group, const std::string& topic, continuation next) {
    if (!setup_.pop_keeper)
        return next({});
    self_->request(setup_.pop_keeper, caf::infinite, forget_pops{group, topic})
        .then([next](pops_changed) { next({}); }, [next](const caf::error& failure) { next(to_error(failure)); });
}

} // namespace troupe::actors
