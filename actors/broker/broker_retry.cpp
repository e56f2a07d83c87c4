#include "actors/broker/broker_state.hpp"
#include "actors/schedule/delayed_message.hpp"
#include "actors/schedule/message_return.hpp"
#include "actors/schedule/timer_message.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

error unknown_group(const std::string& group) {
    return {errc::group_not_found, "group " + group + " does not exist on this broker; create it first"};
}

} // namespace

topic_config broker_state::topic_for_returned(const std::string& topic, const std::string& group) const {
    topic_config config;
    config.name = topic;
    const auto known = groups_.find(group);
    const auto queues = known == groups_.end() || is_dead_letter_topic(topic) ? 1 : known->second.retry_queues;
    config.read_queues = config.write_queues = std::clamp(queues, 1, limits::queues_per_topic_max);
    return config;
}

// ---- messages given back --------------------------------------------------------------------------------------------

/// Order and outcome of the checks: RocketMQ's consumerSendMsgBack.
caf::result<message_sent_back> broker_state::handle(const send_message_back& order) {
    if (!may_use_group(order.group))
        return make_caf_error(unknown_group(order.group));
    if (const auto taken = check_takes_messages(); !taken)
        return make_caf_error(taken.failure());
    if (give_backs_ >= give_backs_max) {
        add(setup_.metrics->busy_answers);
        return make_caf_error(errc::busy, "more than " + std::to_string(give_backs_max) +
                                              " messages are being taken back; give this one back again later");
    }
    ++give_backs_;
    auto promise = self_->make_response_promise<message_sent_back>();
    const continuation done = [this, promise](const error& failure) mutable {
        --give_backs_;
        if (failure.code == errc::none)
            promise.deliver(message_sent_back{});
        else
            promise.deliver(make_caf_error(failure));
    };
    ensure_group(order.group, [this, order, done](const error& failure) {
        const auto group = groups_.find(order.group);
        if (failure.code != errc::none || group == groups_.end())
            return done(failure.code != errc::none ? failure : unknown_group(order.group));
        // The group wants no retries. Pops need no retry queue for theirs: what they say is dead has had its tries.
        if (group->second.retry_queues <= 0 && !order.tries)
            return done({});
        if (!setup_.record_reader)
            return done({errc::not_supported, "this broker takes no message back"});
        questions_.ask<record_found>(setup_.record_reader, read_record{order.position, now() + setup_.options.request_deadline}, done,
                                     [this, order, done](record_found& found) { take_back(order, found.record, done); });
    });
    return promise;
}

void broker_state::take_back(const send_message_back& order, const payload& record, const continuation& done) {
    const auto group = groups_.find(order.group);
    if (group == groups_.end())
        return done(unknown_group(order.group));
    auto failed = protocol::decode_record(record);
    if (!failed)
        return done(failed.failure());
    // A client names any position, and a body may hold what looks like a record.
    if (!check_topic_name(failed->topic))
        return done({errc::message_not_found, "there is no message at log position " + to_string(order.position)});
    if (order.tries)
        failed->reconsume_times = *order.tries;
    const auto limit = order.retry_max.value_or(group->second.retry_max);
    auto returned = return_message(std::move(*failed), {order.group, order.delay_level, limit, group->second.retries});
    auto topic = topic_for_returned(returned.copy.topic, order.group);
    ensure_topic(std::move(topic), [this, returned, done, group_name = order.group](const error& failure) mutable {
        if (failure.code != errc::none)
            return done(failure);
        store_returned(std::move(returned), group_name, done);
    });
}

void broker_state::store_returned(returned_message returned, const std::string& group, const continuation& done) {
    auto& copy = returned.copy;
    const auto chosen = choose_queue(copy.topic);
    if (!chosen)
        return done(chosen.failure());
    copy.queue = chosen->queue;
    copy.store_host = setup_.options.store_host;
    if (returned.delay) // the group may be older than the horizon
        park_timer(copy, setup_.options.now() + std::min(*returned.delay, setup_.options.timer_horizon).count());
    else if (returned.delay_level > 0)
        park(copy, returned.delay_level, static_cast<std::int32_t>(setup_.options.delay_levels.size()));
    auto record = encode_returned(copy, returned.delay_level > 0);
    if (!record)
        return done(record.failure());
    const auto origin = protocol::find_property(copy.properties, protocol::property_name::retry_topic);
    storage::unplaced_records records;
    records.queue = {copy.topic, copy.queue};
    records.bytes = std::move(*record);
    append_copy(std::move(records), [this, done, group, topic = std::string{origin.value_or(copy.topic)},
                                     is_dead = returned.delay_level <= 0](const error& failure) {
        if (failure.code == errc::none) {
            add(is_dead ? setup_.metrics->dead_letters : setup_.metrics->messages_returned);
            setup_.traffic->sent_back(group, topic, 1);
        }
        done(failure);
    });
}

result<topic_queue> broker_state::choose_queue(const std::string& topic) {
    const auto* config = topics_->find(topic);
    if (config == nullptr || (config->perm & permission::write) == 0 || config->write_queues < 1)
        return error{errc::not_permitted, "topic " + topic + " takes no messages"};
    return topic_queue{topic, queue_id{static_cast<std::int32_t>(next_returned_++ % static_cast<std::uint64_t>(config->write_queues))}};
}

void broker_state::append_copy(storage::unplaced_records records, continuation done) {
    if (!setup_.append_admission->try_acquire(records.bytes.size())) {
        add(setup_.metrics->busy_answers);
        return done({errc::busy, "too many bytes wait to be written; try again later"});
    }
    write(std::move(records), [done = std::move(done)](const append_outcome& outcome) { done(outcome.failure); });
}

// ---- messages that consumers send to a retry topic themselves --------------------------------------------------------

caf::result<messages_stored> broker_state::handle(const send_retry_message& order) {
    if (!is_retry_topic(order.send.topic))
        return handle(order.send);
    return send_to_retry_topic(order.send, order.retry_max);
}

/// What RocketMQ's SendMessageProcessor does with a retry topic, but for one thing: it takes every message of a group that holds queue locks
/// for dead, whatever its tries. Here the locks count at the last try alone.
caf::result<messages_stored> broker_state::send_to_retry_topic(send_messages order, std::optional<std::int32_t> retry_max) {
    if (const auto legal = check_topic_name(order.topic); !legal)
        return make_caf_error(legal.failure());
    const auto group = order.topic.substr(retry_topic_of({}).size());
    if (!may_use_group(group))
        return make_caf_error(unknown_group(group));
    if (const auto taken = check_takes_messages(); !taken)
        return make_caf_error(taken.failure());
    const auto known = groups_.find(group);
    const auto limit = retry_max.value_or(known == groups_.end() ? retry_max_default : known->second.retry_max);
    auto promise = self_->make_response_promise<messages_stored>();
    const auto verdict = judge_own_retry(order.reconsume_times, limit);
    if (verdict == own_retry::dead_if_in_order && setup_.queue_locks) {
        questions_.ask<reading_order_found>(
            setup_.queue_locks, find_reading_order{group},
            [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
            [this, order = std::move(order), group, promise](const reading_order_found& found) {
                store_own_retry(order, group, found.in_order, promise);
            });
        return promise;
    }
    store_own_retry(std::move(order), group, verdict == own_retry::dead, promise);
    return promise;
}

void broker_state::store_own_retry(send_messages order, const std::string& group, bool is_dead,
                                   caf::typed_response_promise<messages_stored> promise) {
    if (is_dead) {
        divert_to_dead_letters(order, group);
        add(setup_.metrics->dead_letters);
    }
    auto topic = topic_for_returned(order.topic, group);
    ensure_topic(std::move(topic), [this, order, promise](const error& failure) mutable {
        if (failure.code == errc::none)
            append(order, promise);
        else
            promise.deliver(make_caf_error(failure));
    });
}

} // namespace troupe::actors
