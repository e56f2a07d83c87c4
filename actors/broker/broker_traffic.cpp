#include "actors/broker/broker_config.hpp"
#include "actors/broker/broker_state.hpp"
#include "actors/log/queue.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors {

// ---- sends of embedded clients, and sends to topics that are not there yet ------------------------------------------

caf::result<messages_stored> broker_state::handle(const send_messages& order) {
    if (is_retry_topic(order.topic))
        return send_to_retry_topic(order, std::nullopt);
    const bool is_missing = topics_->find(order.topic) == nullptr && check_topic_name(order.topic);
    auto promise = self_->make_response_promise<messages_stored>();
    if (!is_missing) {
        append(order, promise);
        return promise;
    }
    if (!setup_.options.auto_create_topics || is_own_topic(setup_.options, order.topic)) {
        append(order, promise); // fails, and says why
        return promise;
    }
    auto made = topic_from_template(order);
    if (const auto taken = check_takes_messages(); !taken)
        made = taken.failure(); // nothing is made for what is refused then
    if (!made) {
        promise.deliver(make_caf_error(made.failure()));
        return promise;
    }
    ensure_topic(*made, [this, order, promise](const error& failure) mutable {
        if (failure.code == errc::none)
            append(order, promise);
        else
            promise.deliver(make_caf_error(failure));
    });
    return promise;
}

void broker_state::append(const send_messages& order, caf::typed_response_promise<messages_stored> promise) {
    const auto fail = [&promise](const error& failure) { promise.deliver(make_caf_error(failure)); };
    auto encoded = encoder_.encode(order, *topics_);
    if (!encoded)
        return fail(encoded.failure());
    const auto bytes = static_cast<std::int64_t>(encoded->records.bytes.size());
    if (const auto admitted = setup_.quotas->admit(order.topic, encoded->records.count, bytes, now()); !admitted) {
        add(setup_.metrics->sends_throttled);
        return fail(admitted.failure());
    }
    if (!setup_.append_admission->try_acquire(encoded->records.bytes.size())) {
        add(setup_.metrics->busy_answers);
        return fail({errc::busy, "too many bytes wait to be written; back off and send again"});
    }
    write(std::move(encoded->records),
          [this, promise = std::move(promise), receipt = std::move(encoded->receipt)](const append_outcome& outcome) mutable {
              if (outcome.failure.code != errc::none)
                  promise.deliver(make_caf_error(outcome.failure));
              else
                  promise.deliver(encoder_.describe(receipt, outcome.placed));
          });
}

void broker_state::write(storage::unplaced_records records, pending_requests::append_continuation done) {
    const auto ticket = pending_.next_ticket();
    pending_.await_append(ticket, std::move(done), now() + setup_.options.request_deadline);
    append_records work;
    work.entries.push_back({ticket, std::move(records)});
    work.reply_to = ticket_holder_actor{self_};
    self_->send(setup_.log_writer, std::move(work));
}

void broker_state::handle(const records_appended& result) {
    for (const auto& outcome : result.outcomes)
        pending_.end(outcome);
    end_if_idle();
}

// ---- pulls ----------------------------------------------------------------------------------------------------------

caf::result<messages_pulled> broker_state::handle(const pull_messages& order) {
    const auto ticket = pending_.next_ticket();
    if (const auto forwarded = forward_pull(order, ticket, ticket_holder_actor{self_}, 0); !forwarded)
        return make_caf_error(forwarded.failure());
    const auto hold = std::clamp(std::chrono::milliseconds{order.hold_ms}, std::chrono::milliseconds{0}, setup_.options.hold_max);
    auto promise = self_->make_response_promise<messages_pulled>();
    pending_.await_pull(
        ticket,
        [this, promise, group = order.group, queue = topic_queue{order.topic, order.queue}](const pull_answered& result) mutable {
            if (result.failure.code != errc::none) {
                promise.deliver(make_caf_error(result.failure));
                return;
            }
            const auto messages =
                note_handed_out(*setup_.traffic, *setup_.deliveries, group, queue, result.answer, 0, setup_.options.now());
            setup_.shares->charge(group, messages, now());
            promise.deliver(result.answer);
        },
        now() + hold + setup_.options.request_deadline);
    return promise;
}

void broker_state::handle(const pull_ticketed& order) {
    const auto forwarded = finishing_ ? result<void>{closing()} : forward_pull(order.pull, order.ticket, order.reply_to, order.connection);
    if (!forwarded) {
        const auto forbidden = forwarded.code() == errc::not_permitted ? who_forbids(order.pull) : forbidden_by::nothing;
        self_->send(order.reply_to, pull_answered{order.ticket, forwarded.failure(), {}, forbidden});
    }
}

void broker_state::handle(const pull_answered& result) {
    pending_.end(result);
    end_if_idle();
}

void broker_state::handle(const pull_abandoned& order) {
    auto sorted = order;
    std::sort(sorted.tickets.begin(), sorted.tickets.end());
    throttle_.drop_pulls(sorted.reply_to, sorted.tickets);
    const auto queues = std::exchange(sorted.queues, {});
    const auto message = caf::make_message(std::move(sorted));
    const auto tell = [&message](const queue_actor& queue) { caf::anon_send(caf::actor_cast<caf::actor>(queue), message); };
    if (queues.empty())
        for (const auto& queue : queues_.all())
            tell(queue);
    for (const auto& queue : std::set<topic_queue>{queues.begin(), queues.end()})
        if (const auto live = queues_.find(queue))
            tell(live);
}

result<void> broker_state::forward_pull(const pull_messages& order, std::uint64_t ticket, const ticket_holder_actor& holder,
                                        std::uint64_t connection) {
    auto pull = check_pull(order, connection);
    if (!pull)
        return pull.failure();
    const topic_queue queue{order.topic, order.queue};
    if (tell_reset(order, ticket, holder))
        return {};
    if (order.commit)
        note_offset({order.group, queue}, order.commit_offset);
    pull->ticket = ticket;
    pull->reply_to = holder;
    pull->connection = connection;
    if (setup_.shares->wait(order.group, now()).count() > 0)
        return note_throttled(
            throttle_.hold(throttled_pull{order.group, queue, std::move(*pull), throttle_deadline(order.hold_ms)}, now()));
    self_->send(queue_for(queue), std::move(*pull));
    return {};
}

/// A pull that would not wait for messages waits a moment for its turn all the same: its client would only ask again at once.
clock_time broker_state::throttle_deadline(std::int64_t hold_ms) const {
    constexpr std::chrono::milliseconds wait_min{1'000};
    return now() + std::min(std::max(std::chrono::milliseconds{std::max<std::int64_t>(hold_ms, 0)}, wait_min), setup_.options.hold_max);
}

result<void> broker_state::note_throttled(result<void> held) {
    add(held ? setup_.metrics->pulls_throttled : setup_.metrics->busy_answers);
    if (held)
        arm_throttle();
    return held;
}

void broker_state::arm_throttle() {
    if (const auto alarm = throttle_.set_alarm())
        self_->delayed_send(self_, std::max(alarm->due - now(), clock_time::duration::zero()), throttle_tick{alarm->number});
}

void broker_state::handle(throttle_tick tick) {
    if (!throttle_.ring(tick.alarm))
        return;
    for (auto& [pull, left] : throttle_.take_due_pulls(now()))
        end_throttled(std::move(pull), left);
    for (auto& [pop, left] : throttle_.take_due_pops(now()))
        end_throttled(std::move(pop), left);
    arm_throttle();
}

void broker_state::end_throttled(throttled_pull pull, std::optional<std::chrono::milliseconds> left) {
    if (!left) {
        self_->send(pull.pull.reply_to, pull_answered{pull.pull.ticket, {}, {pull_status::no_new, pull.pull.from, {}, pull.pull.from, {}}});
        return;
    }
    pull.pull.hold_ms = std::min<std::int64_t>(pull.pull.hold_ms, left->count());
    self_->send(queue_for(pull.queue), std::move(pull.pull));
}

void broker_state::end_throttled(throttled_pop pop, std::optional<std::chrono::milliseconds> left) {
    if (!left)
        return answer_nothing(pop.pull);
    auto settled = check_settled(pop.pull.pop.topic, pop.group);
    if (settled && !groups_.contains(pop.group))
        settled = error{errc::group_not_found, "group " + pop.group + " was deleted"};
    if (!settled) {
        self_->send(pop.pull.reply_to, pop_answered{pop.pull.ticket, settled.failure(), {}});
        return;
    }
    if (pop.pull.pop.born.value() <= 0) // else it waits from then on
        pop.pull.pop.poll_ms = std::min<std::int64_t>(pop.pull.pop.poll_ms, left->count());
    self_->send(setup_.pop_keeper, std::move(pop.pull));
}

/// The broker ends: what still waits is answered, as queues answer what they hold.
void broker_state::fail_throttled(const error& failure) {
    for (const auto& pull : throttle_.take_all_pulls())
        self_->send(pull.pull.reply_to, pull_answered{pull.pull.ticket, failure, {}});
    for (const auto& pop : throttle_.take_all_pops())
        self_->send(pop.pull.reply_to, pop_answered{pop.pull.ticket, failure, {}});
}

void broker_state::note_offset(const progress_key& key, queue_offset offset) {
    notes_.add(key, offset);
    if (notes_.is_idle())
        send_notes();
}

/// Whoever asks the offset keeper sends the notes first: an answer must not be older than a pull before the question.
void broker_state::send_notes() {
    note_offsets order;
    order.offsets = notes_.take();
    if (order.offsets.empty())
        return;
    notes_.sent();
    const auto answered = [this] {
        notes_.answered();
        if (notes_.is_idle())
            send_notes();
    };
    self_->request(setup_.offset_keeper, caf::infinite, std::move(order))
        .then([answered](offsets_noted) { answered(); }, [answered](const caf::error&) { answered(); });
}

/// Order and outcome of the checks: RocketMQ's PullMessageProcessor.
result<pull_from_queue> broker_state::check_pull(const pull_messages& order, std::uint64_t connection) {
    const auto forbidden = who_forbids(order);
    if (forbidden == forbidden_by::broker)
        return error{errc::not_permitted, "this broker hands out no messages (its permission lacks read)"};
    if (!may_use_group(order.group))
        return error{errc::group_not_found, "group " + order.group + " does not exist on this broker; create it first"};
    if (forbidden == forbidden_by::group)
        return error{errc::not_permitted, "group " + order.group + " may not consume (consume_enable is off)"};
    const auto* topic = topics_->find(order.topic);
    if (topic == nullptr)
        return error{errc::topic_not_found, "topic " + order.topic + " does not exist on this broker; create it first"};
    if (forbidden == forbidden_by::topic)
        return error{errc::not_permitted, "topic " + order.topic + " hands out no messages (its permission lacks read)"};
    if (order.queue.value() < 0 || order.queue.value() >= topic->read_queues)
        return error{errc::queue_not_found, "topic " + order.topic + " has " + std::to_string(topic->read_queues) +
                                                " queues to read, there is no queue " + to_string(order.queue)};
    if (order.commit && order.commit_offset.value() < 0)
        return error{errc::argument_illegal, "commit offset " + to_string(order.commit_offset) + " is below 0"};
    auto filter = filter_of(order, connection);
    if (!filter)
        return filter.failure();
    pull_positions_.note(order.group, order.topic, order.queue, order.offset);
    pull_from_queue pull;
    pull.from = order.offset;
    const auto share = std::clamp<std::int64_t>(setup_.shares->messages_max(order.group), 1, setup_.options.messages_per_pull_max);
    pull.limits.messages_max = std::clamp(order.messages_max, 1, static_cast<std::int32_t>(share));
    pull.limits.bytes_max = std::min(static_cast<std::size_t>(std::max(order.bytes_max, 1)), setup_.options.bytes_per_pull_max);
    pull.filter = std::move(*filter);
    pull.hold_ms = std::max<std::int64_t>(order.hold_ms, 0);
    return pull;
}

/// The first of them, in the order in which RocketMQ's brokers look.
forbidden_by broker_state::who_forbids(const pull_messages& order) const {
    if ((topics_->broker_perm() & permission::read) == 0)
        return forbidden_by::broker;
    const auto group = groups_.find(order.group);
    if (group != groups_.end() && !group->second.consume_enable)
        return forbidden_by::group;
    const auto* topic = topics_->find(order.topic);
    if (topic != nullptr && (topic->perm & permission::read) == 0)
        return forbidden_by::topic;
    if (!order.has_expression && group != groups_.end() && !group->second.consume_broadcast_enable && members_.is_broadcasting(order.group))
        return forbidden_by::broadcasting;
    return forbidden_by::nothing;
}

/// A pull that does not say what it wants wants what its own member has subscribed to, as its heartbeat said: it came over the same
/// connection. Another member's filter would skip what this one wants, and what is skipped counts as read.
result<message_filter> broker_state::filter_of(const pull_messages& order, std::uint64_t connection) {
    if (order.has_expression)
        return filter_for(order.topic, order.expression, order.expression_type);
    if (!members_.has_members(order.group))
        return error{errc::subscription_not_found, "group " + order.group + " has no live member; send a heartbeat first"};
    if (who_forbids(order) == forbidden_by::broadcasting)
        return error{errc::not_permitted, "group " + order.group + " may not consume by broadcasting"};
    const auto session = sessions_.of_connection(connection);
    const bool is_member = (connection == 0 || session != 0) && members_.is_told(order.group, session); // an embedded client has neither
    if (!is_member && members_.differs(order.group))
        return error{errc::subscription_not_found, "the members of group " + order.group +
                                                       " differ in what they subscribe to, and this pull came before a heartbeat on its "
                                                       "connection; send one first, or the subscription with the pull"};
    const auto* subscription =
        is_member ? members_.subscription(order.group, order.topic, session) : members_.subscription(order.group, order.topic);
    if (subscription == nullptr)
        return error{errc::subscription_not_found, "group " + order.group + " has not subscribed to topic " + order.topic};
    if (subscription->version < order.subscription_version)
        return error{errc::subscription_outdated,
                     "the subscription of group " + order.group + " to topic " + order.topic + " is older than this pull's"};
    return filter_for(order.topic, subscription->expression, subscription->expression_type);
}

result<message_filter> broker_state::filter_for(const std::string& topic, const std::string& expression, const std::string& type) {
    const bool is_sql92 = type == sql92_type;
    if (is_sql92 && !setup_.options.property_filter)
        return error{errc::not_supported,
                     "this broker does not filter messages by SQL92 (broker.property_filter is off); subscribe by tags "
                     "(\"TagA || TagB\") or \"*\""};
    auto filter = filters_.find(expression, type);
    if (!filter)
        return error{filter.code(), "subscription to topic " + topic + ": " + filter.failure().text};
    return is_filtered(topic, type) ? filter : message_filter{};
}

caf::result<subscription_checked> broker_state::handle(const check_subscription& order) {
    const auto filter = filter_for(order.subscription.topic, order.subscription.expression, order.subscription.expression_type);
    return subscription_checked{filter ? error{} : filter.failure()};
}

// ---- queues ---------------------------------------------------------------------------------------------------------

queue_actor broker_state::queue_for(const topic_queue& queue) {
    auto entered = queues_.enter(queue);
    if (entered.is_new)
        self_->monitor(entered.actor);
    return std::move(entered.actor);
}

queue_actor broker_state::spawn_queue_for(const topic_queue& queue, std::uint64_t instance) {
    queue_options options;
    options.queue = queue;
    options.instance = instance;
    options.owner = queue_owner_actor{self_};
    options.log_writer = setup_.log_writer;
    options.log_readers = setup_.log_readers;
    options.read_admission = setup_.read_admission;
    options.hold_admission = setup_.hold_admission;
    options.metrics = setup_.metrics;
    options.hold_max = setup_.options.hold_max;
    options.read_deadline = setup_.options.request_deadline;
    options.idle = setup_.options.queue_idle;
    return spawn_queue(self_->home_system(), options);
}

/// A pull that was sent before this finish reaches the queue before it, and is answered; the next one meets a new queue.
void broker_state::handle(const queue_idle& event) {
    if (const auto idle = queues_.take_idle(event))
        self_->send(idle, finish{false});
}

/// Of one topic, or of all if `topic` is empty.
void broker_state::finish_queues(const finish& order, std::string_view topic) {
    for (const auto& queue : queues_.take(topic))
        self_->send(queue, order);
}

} // namespace troupe::actors
