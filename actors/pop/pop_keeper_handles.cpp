#include "actors/base/log.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/pop/pop_keeper_state.hpp"

#include <algorithm>
#include <iterator>

// What becomes of popped messages: they are acknowledged, given back, or dead.

namespace troupe::actors {

namespace {

constexpr std::int64_t invisible_ms_max = std::int64_t{7} * 24 * 3'600 * 1'000;

/// A dead letter that fails so will fail so again: the record is gone, or its group, or it is no message that may be stored.
bool is_hopeless(errc code) {
    switch (code) {
    case errc::message_not_found:
    case errc::group_not_found:
    case errc::corrupt:
    case errc::message_illegal:
    case errc::topic_illegal:
    case errc::body_too_large:
    case errc::properties_too_large: return true;
    default: return false;
    }
}

bool is_outside(queue_offset offset, const storage::queue_bounds& bounds) {
    return offset < bounds.min || bounds.max < offset;
}

error outside(const topic_queue& queue, queue_offset offset, const storage::queue_bounds& bounds) {
    return {errc::message_not_found, "offset " + to_string(offset) + " is outside queue " + to_string(queue.queue) + " of topic " +
                                         queue.topic + ", which goes from " + to_string(bounds.min) + " to " + to_string(bounds.max)};
}

} // namespace

// ---- acknowledgements -----------------------------------------------------------------------------------------------

/// What a handle may name. RocketMQ: AckMessageProcessor.
result<storage::queue_bounds> pop_keeper_state::bounds_of(const topic_queue& queue) const {
    const auto topics = options_.topics->current();
    const auto* topic = topics->find(queue.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found, "topic " + queue.topic + " does not exist on this broker"};
    if (queue.queue.value() < 0 || queue.queue.value() >= topic->read_queues)
        return error{errc::message_illegal, "topic " + queue.topic + " has " + std::to_string(topic->read_queues) +
                                                " queues to read, there is no queue " + to_string(queue.queue)};
    return options_.log->bounds(queue);
}

caf::result<messages_acknowledged> pop_keeper_state::handle(const acknowledge_messages& order) {
    if (finishing_ || book_->is_broken()) {
        release_order();
        return finishing_ ? make_caf_error(errc::shutting_down, "the broker is stopping")
                          : make_caf_error(errc::busy, "acknowledgements cannot be written now; repeat it later");
    }
    error refused;
    for (const auto& part : order.parts) {
        if (const auto why = acknowledge(part, order.is_batch); why.code != errc::none && refused.code == errc::none)
            refused = why;
    }
    auto promise = self_->make_response_promise<messages_acknowledged>();
    waiting_.push_back([this, promise, refused](const error& failure) mutable {
        release_order();
        if (failure.code != errc::none || refused.code != errc::none)
            promise.deliver(make_caf_error(failure.code != errc::none ? failure : refused));
        else
            promise.deliver(messages_acknowledged{});
    });
    write_soon();
    return promise;
}

/// Code none: each of them is done, or another delivery of it counts; else the first that is not. In a batch what is no message is passed
/// over, as in RocketMQ: the others are done.
error pop_keeper_state::acknowledge(const acknowledge_messages::part& part, bool is_batch) {
    const auto bounds = bounds_of(part.queue);
    if (!bounds) {
        const bool is_nowhere = bounds.code() == errc::topic_not_found || bounds.code() == errc::message_illegal;
        return is_batch && is_nowhere ? error{} : bounds.failure();
    }
    std::vector<queue_offset> inside;
    inside.reserve(part.offsets.size());
    std::copy_if(part.offsets.begin(), part.offsets.end(), std::back_inserter(inside),
                 [&bounds](queue_offset offset) { return !is_outside(offset, *bounds); });
    error refused;
    if (inside.size() < part.offsets.size() && !is_batch) {
        const auto first =
            std::find_if(part.offsets.begin(), part.offsets.end(), [&bounds](queue_offset offset) { return is_outside(offset, *bounds); });
        refused = outside(part.queue, *first, *bounds);
    }
    const progress_key key{part.group, part.queue};
    const auto outcomes = book_->acknowledge(key, inside, part.handle.popped);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const bool is_done = outcomes[i] == pop_table::ack_outcome::done;
        add(is_done ? options_.metrics->pop_acked : options_.metrics->pop_stale_acks);
        // Whoever repeats an acknowledgement is told the same once more; what was never popped cannot be done.
        if (part.handle.is_ordered() && outcomes[i] == pop_table::ack_outcome::unknown && refused.code != errc::message_illegal)
            refused = {errc::message_illegal, "message " + to_string(inside[i]) + " of queue " + to_string(part.queue.queue) +
                                                  " of topic " + part.queue.topic + " was not popped by group " + part.group};
    }
    changed(key);
    return refused;
}

caf::result<invisible_time_changed> pop_keeper_state::handle(const change_invisible_time& order) {
    const auto refuse = [this](const error& why) -> caf::result<invisible_time_changed> {
        release_order();
        return make_caf_error(why);
    };
    if (finishing_)
        return refuse({errc::shutting_down, "the broker is stopping"});
    if (book_->is_broken())
        return refuse({errc::busy, "changes cannot be written now; repeat it later"});
    if (order.invisible_ms < 0 || order.invisible_ms > invisible_ms_max)
        return refuse({errc::argument_illegal,
                       "invisible time " + std::to_string(order.invisible_ms) + " ms is outside 0 to " + std::to_string(invisible_ms_max)});
    const auto bounds = bounds_of(order.queue);
    if (!bounds)
        return refuse(bounds.failure());
    if (is_outside(order.offset, *bounds))
        return refuse(outside(order.queue, order.offset, *bounds));
    const progress_key key{order.group, order.queue};
    const auto lease = book_->change_visibility(key, order.offset, order.handle.popped, now(), order.invisible_ms);
    if (!lease) {
        add(options_.metrics->pop_stale_acks);
        return refuse({errc::message_illegal, "message " + to_string(order.offset) + " of queue " + to_string(order.queue.queue) +
                                                  " of topic " + order.queue.topic + " is not out for group " + order.group +
                                                  ", or was delivered once more since"});
    }
    changed(key);
    hold_->advance_alarm({key.queue.topic, key.group}, lease->visible);
    auto promise = self_->make_response_promise<invisible_time_changed>();
    const invisible_time_changed done{lease->popped, order.invisible_ms, order.handle.is_ordered() ? protocol::ordered_revive_queue : 0};
    waiting_.push_back([this, promise, done](const error& failure) mutable {
        release_order();
        if (failure.code != errc::none)
            promise.deliver(make_caf_error(failure));
        else
            promise.deliver(done);
    });
    write_soon();
    return promise;
}

/// Whoever waits for it is served after the write.
void pop_keeper_state::changed(const progress_key& key) {
    const pop_place place{key.queue.topic, key.group};
    if (!hold_->has_waiting(place))
        return;
    if (book_->take_awaited(key))
        serve_soon(place);
}

// ---- dead letters ---------------------------------------------------------------------------------------------------

void pop_keeper_state::handle(const begin_dead_letters& order) {
    dead_letters_ = order.broker;
}

void pop_keeper_state::bury(const pop_book::dead_letter& letter) {
    if (!dead_letters_)
        return buried(letter, {errc::busy, "the broker is starting"});
    send_message_back order;
    order.position = letter.position;
    order.group = letter.key.group;
    order.delay_level = -1;
    order.tries = letter.deliveries - 1;
    order.origin_topic = letter.key.queue.topic;
    self_->request(dead_letters_, 2 * options_.request_deadline, std::move(order))
        .then([this, letter](message_sent_back) { buried(letter, {}); },
              [this, letter](const caf::error& failure) { buried(letter, to_error(failure)); });
}

void pop_keeper_state::buried(const pop_book::dead_letter& letter, const error& failure) {
    if (finishing_)
        return;
    if (failure.code == errc::none || is_hopeless(failure.code)) {
        dead_letters_fail_ = false;
        add(failure.code == errc::none ? options_.metrics->pop_dead : options_.metrics->pop_dropped);
        if (failure.code != errc::none)
            write_log(log_level::error, "pops: dead message " + to_string(letter.offset) + " of queue " +
                                            to_string(letter.key.queue.queue) + " of topic " + letter.key.queue.topic +
                                            " cannot be kept for group " + letter.key.group + " and is dropped: " + to_string(failure));
        book_->dead_letter_stored(letter.key, letter.offset);
        serve_soon({letter.key.queue.topic, letter.key.group});
    } else {
        if (!std::exchange(dead_letters_fail_, true))
            write_log(log_level::warning, "pops: a dead message of group " + letter.key.group + " is tried again: " + to_string(failure));
        const auto again = now() + pop_pause_after_failure_ms;
        book_->dead_letter_failed(letter.key, letter.offset, again);
        hold_->advance_alarm({letter.key.queue.topic, letter.key.group}, again);
    }
    write_soon();
    arm();
}

} // namespace troupe::actors
