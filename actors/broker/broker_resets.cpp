#include "actors/broker/broker_state.hpp"

#include <algorithm>
#include <memory>
#include <utility>

/// Offsets that operators set. RocketMQ: RESET_CONSUMER_OFFSET with useServerSideResetOffset, CLONE_GROUP_OFFSET.
namespace troupe::actors {

caf::result<offsets_reset> broker_state::handle(const reset_offsets& order) {
    const auto* topic = topics_->find(order.topic);
    if (topic == nullptr)
        return make_caf_error(errc::topic_not_found, "topic " + order.topic + " does not exist on this broker");
    if (!groups_.contains(order.group) && !members_.has_members(order.group))
        return make_caf_error(errc::group_not_found, "group " + order.group + " does not exist on this broker");
    if (order.queue.value() >= topic->read_queues)
        return make_caf_error(errc::queue_not_found, "topic " + order.topic + " has " + std::to_string(topic->read_queues) +
                                                         " queues to read, there is no queue " + to_string(order.queue));
    locate_offsets question{order.topic, {}, order.time, {}};
    question.offset = order.queue.value() < 0 ? queue_offset{-1} : order.offset; // one offset for all queues would mean nothing
    if (order.queue.value() >= 0)
        question.queues.push_back(order.queue);
    else
        for (std::int32_t i = 0; i < topic->read_queues; ++i)
            question.queues.emplace_back(i);
    auto promise = self_->make_response_promise<offsets_reset>();
    const continuation fail = [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); };
    questions_.ask<offsets_located>(background_reader(), std::move(question), fail,
                                    [this, promise, fail, group = order.group](offsets_located& located) mutable {
                                        offsets_reset done;
                                        for (const auto& [queue, offset] : located.offsets)
                                            done.offsets[{queue.topic, setup_.options.broker_name, queue.queue.value()}] = offset.value();
                                        set_offsets(group, located.offsets, [promise, fail, done](const error& failure) mutable {
                                            if (failure.code == errc::none)
                                                promise.deliver(std::move(done));
                                            else
                                                fail(failure);
                                        });
                                    });
    return promise;
}

caf::result<offsets_cloned> broker_state::handle(const clone_offsets& order) {
    if (!may_use_group(order.target))
        return make_caf_error(errc::group_not_found, "group " + order.target + " does not exist on this broker; create it first");
    auto promise = self_->make_response_promise<offsets_cloned>();
    const continuation fail = [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); };
    send_notes();
    questions_.ask<offsets_listed>(
        setup_.offset_keeper, list_offsets{order.source, order.topic}, fail, [this, promise, fail, order](offsets_listed& found) mutable {
            if (found.offsets.empty()) {
                fail({errc::offset_not_found, "group " + order.source + " has no offsets to copy"});
                return;
            }
            const bool online = !order.offline && members_.has_members(order.target);
            std::erase_if(found.offsets, [this, &order, online](const auto& entry) {
                const auto& topic = entry.first.topic;
                return topics_->find(topic) == nullptr || (online && members_.subscription(order.target, topic) == nullptr);
            });
            set_offsets(order.target, found.offsets, [promise, fail](const error& failure) mutable {
                if (failure.code == errc::none)
                    promise.deliver(offsets_cloned{});
                else
                    fail(failure);
            });
        });
    return promise;
}

/// From here on what the group's consumers commit does not count, until their next pull has told them.
void broker_state::set_offsets(const std::string& group, const std::vector<std::pair<topic_queue, queue_offset>>& offsets,
                               continuation done) {
    const bool online = members_.has_members(group);
    const bool room = resets_.has_room(offsets.size());
    if (online && !room) {
        add(setup_.metrics->busy_answers);
        return done({errc::busy, std::to_string(resets_.size()) + " queues wait for a pull of a group whose offsets were set, at most " +
                                     std::to_string(resets_max) + " may; let those groups read first"});
    }
    commit_offsets order;
    for (const auto& [queue, offset] : offsets)
        order.offsets.emplace_back(progress_key{group, queue}, offset);
    for (const auto& [key, offset] : order.offsets) {
        // Without room nobody is there to be told: the group begins with what is committed. Whoever pops needs not be told.
        if (room && !modes_.find(key.queue.topic, key.group).is_pop)
            resets_.add(key, offset);
        notes_.erase(key);
    }
    const auto set = std::make_shared<const commit_offsets>(order);
    questions_.ask<offset_committed>(
        setup_.offset_keeper, std::move(order),
        [this, set, done](const error& failure) {
            for (const auto& [key, offset] : set->offsets)
                resets_.cancel(key, offset);
            done(failure);
        },
        [this, set, group, done](offset_committed) {
            if (!setup_.pop_keeper)
                return done({});
            reset_pops popped{group, {}};
            for (const auto& [key, offset] : set->offsets)
                popped.offsets.emplace_back(key.queue, offset);
            questions_.ask<pops_changed>(setup_.pop_keeper, std::move(popped), done, [done](pops_changed) { done({}); });
        });
}

/// True when this pull is answered here, because its group is to go on elsewhere.
bool broker_state::tell_reset(const pull_messages& order, std::uint64_t ticket, const ticket_holder_actor& holder) {
    const progress_key key{order.group, {order.topic, order.queue}};
    const auto moved = resets_.take(key, order.offset);
    if (!moved)
        return false;
    questions_.ask<bounds_found>(
        background_reader(), find_bounds{key.queue},
        [this, key, ticket, holder, next = *moved](const error& failure) {
            if (!resets_.contains(key))
                resets_.add(key, next); // the consumer has not been told
            self_->send(holder, pull_answered{ticket, failure, {}});
        },
        [this, ticket, holder, next = *moved](const bounds_found& bounds) {
            self_->send(holder, pull_answered{ticket, {}, {pull_status::offset_moved, next, bounds.min, bounds.max, {}}});
        });
    return true;
}

} // namespace troupe::actors
