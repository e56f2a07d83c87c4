#include "actors/broker/broker.hpp"

#include "actors/base/log.hpp"
#include "actors/broker/broker_config.hpp"
#include "actors/broker/broker_state.hpp"
#include "actors/messages/unknown_orders.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <caf/actor_system.hpp>

#include <memory>
#include <utility>

namespace troupe::actors {

namespace {

send_encoder encoder_of(const broker_setup& setup) {
    auto options = encoder_options(setup.options);
    options.transactions = setup.room_for_transactions;
    return send_encoder{std::move(options)};
}

} // namespace

error broker_state::closing() {
    return {errc::shutting_down, "this broker is ending; use another one"};
}

broker_state::broker_state(broker_role::pointer self, broker_setup setup)
    : self_{self},
      setup_{std::move(setup)},
      started_{now()},
      started_ms_{setup_.options.now().value()},
      topics_{setup_.directory->current()},
      members_{setup_.options.client_expire},
      producers_{setup_.options.client_expire, limits::members_per_broker_max},
      next_expire_{now() + setup_.options.expire_interval},
      encoder_{encoder_of(setup_)},
      queues_{[this](const topic_queue& queue, std::uint64_t instance) { return spawn_queue_for(queue, instance); }},
      throttle_{setup_.hold_admission, setup_.shares},
      questions_{self, setup_.options.request_deadline, setup_.metrics, sessions_, [this] { end_if_idle(); }},
      retention_{setup_.options.retain_interval, setup_.options.now, setup_.directory,
                 questions_.to<trim_topic, topic_trimmed>(background_reader())},
      lags_{setup_.options.slow_after,
            setup_.options.now,
            groups_,
            members_,
            setup_.directory,
            {questions_.to<list_offsets, offsets_listed>(setup_.offset_keeper),
             questions_.to<measure_lag, lag_measured>(background_reader())}},
      resends_{setup_.options.store_host, setup_.metrics, resend_steps()},
      assigner_{setup_.options.broker_name, [this] { return now(); }, modes_, members_, setup_.directory},
      progress_{{setup_.options.broker_name, to_string(setup_.options.store_host), setup_.options.request_deadline},
                [this] { return now(); },
                {groups_, members_, pull_positions_, setup_.directory, setup_.traffic, setup_.metrics},
                {questions_.to<list_offsets, offsets_listed>(setup_.offset_keeper),
                 questions_.to<describe_progress, group_described>(background_reader()),
                 setup_.pop_keeper ? questions_.to<list_popped, popped_listed>(setup_.pop_keeper) : nullptr}} {
    for (const auto& topic : topics_->table().topics) {
        setup_.quotas->set(topic.first, send_rates_of(topic.second));
        retention_.note(topic.second, now());
        system_topics_ += is_own_topic(setup_.options, topic.first) ? 1u : 0u;
    }
    for (auto& group : std::exchange(setup_.groups, {})) {
        setup_.shares->set(group.name, group.deliver_messages);
        groups_.emplace(group.name, group);
    }
    for (auto& mode : std::exchange(setup_.modes, {}))
        modes_.set(std::move(mode));
    undropped_.insert(setup_.undropped.begin(), setup_.undropped.end());
    groups_version_.timestamp_ms = config_version_.timestamp_ms = started_ms_;
    sample_traffic();
    watch_roles();
    self_->set_down_handler([this](const caf::down_msg& event) { handle(event); });
    // A stray error answer must not end the broker.
    self_->set_error_handler([](caf::error& failure) { write_log(log_level::warning, "broker: " + to_string(to_error(failure))); });
    refuse_unknown_orders(*self_, "the broker role, asked in its own process,"); // embedded clients may ask for what other roles serve
    self_->delayed_send(self_, std::chrono::seconds{1}, broker_tick{});
}

void broker_state::watch_roles() {
    const auto watch = [this](const auto& role, const std::string& name_of_role) {
        self_->monitor(role);
        roles_.emplace(role.address(), name_of_role);
    };
    watch(setup_.log_writer, "log writer");
    for (const auto& reader : setup_.log_readers)
        watch(reader, "log reader");
    watch(setup_.offset_keeper, "offset keeper");
    watch(setup_.metadata_keeper, "metadata keeper");
    watch(setup_.indexer, "indexer");
    if (setup_.record_reader)
        watch(setup_.record_reader, "record reader");
    if (setup_.schedule)
        watch(setup_.schedule, "schedule");
    if (setup_.pop_keeper)
        watch(setup_.pop_keeper, "pop keeper");
    if (setup_.transactions)
        watch(setup_.transactions, "transaction check");
    if (setup_.log_flusher)
        watch(setup_.log_flusher, "log flusher");
    for (const auto& neighbour : setup_.neighbours)
        watch(neighbour.first, neighbour.second);
}

bool broker_state::begin_change(const std::string& what, bool removes, continuation done) {
    const auto begun = changes_.begin(what, removes, done, now() + setup_.options.request_deadline);
    if (!begun) {
        add(setup_.metrics->busy_answers);
        done(begun.failure());
        return false;
    }
    return *begun == running_changes::place::first;
}

void broker_state::end_change(const std::string& what, const error& failure) {
    const auto waiting = changes_.end(what);
    if (!waiting)
        return; // failed already, because the broker ends
    for (const auto& done : *waiting)
        done(failure);
    end_if_idle();
}

caf::result<broker_described> broker_state::handle(const describe_broker&) {
    auto promise = self_->make_response_promise<broker_described>();
    questions_.ask<broker_described>(
        background_reader(), describe_store{}, [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [this, promise](broker_described& described) mutable {
            const auto& metrics = *setup_.metrics;
            auto& values = described.values;
            const auto count = [&values](const char* key, const broker_metrics::counter& counter) {
                values[key] = std::to_string(counter.load(std::memory_order_relaxed));
            };
            values["brokerName"] = setup_.options.broker_name;
            values["clusterName"] = setup_.options.cluster;
            count("putMessageSizeTotal", metrics.put_bytes);
            count("putMessageFailedTimes", metrics.put_failures);
            count("groupCommits", metrics.commits);
            count("groupCommitMicros", metrics.commit_us);
            count("pullTimesTotal", metrics.pulls);
            count("pullFoundTimesTotal", metrics.pulls_found);
            count("pullSizeTotal", metrics.pull_bytes);
            count("pullsThrottledTotal", metrics.pulls_throttled);
            count("pullsHeld", metrics.pulls_held);
            count("pullsExpired", metrics.pulls_expired);
            count("readTimesTotal", metrics.reads);
            count("readFailedTimes", metrics.read_failures);
            count("queueActors", metrics.queue_actors);
            count("offsetCommitsTotal", metrics.offset_commits);
            count("offsetsMovedBackTotal", metrics.offsets_moved_back);
            count("offsetGroupsUnclaimed", metrics.offset_groups_unclaimed);
            count("offsetGroupsExpiredTotal", metrics.offset_groups_expired);
            count("busyAnswersTotal", metrics.busy_answers);
            count("sendsThrottledTotal", metrics.sends_throttled);
            count("messagesReturnedTotal", metrics.messages_returned);
            count("deadLettersTotal", metrics.dead_letters);
            count("deadLettersResentTotal", metrics.dead_letters_resent);
            count("transactionsCommittedTotal", metrics.transactions_committed);
            count("transactionsRolledBackTotal", metrics.transactions_rolled_back);
            count("transactionsGivenUpTotal", metrics.transactions_given_up);
            count("transactionsResumedTotal", metrics.transactions_resumed);
            count("transactionChecksTotal", metrics.transaction_checks);
            count("transactionChecksUnheardTotal", metrics.transaction_checks_unheard);
            count("scheduledDeliveredTotal", metrics.scheduled_delivered);
            count("scheduledDroppedTotal", metrics.scheduled_dropped);
            count("scheduledLostTotal", metrics.scheduled_lost);
            count("popLeases", metrics.pop_leases);
            count("popsHeld", metrics.pops_held);
            count("popTimesTotal", metrics.pops);
            count("poppedMessagesTotal", metrics.popped);
            count("popRedeliveredTotal", metrics.pop_redelivered);
            count("popAckedTotal", metrics.pop_acked);
            count("popStaleAcksTotal", metrics.pop_stale_acks);
            count("popDeadLettersTotal", metrics.pop_dead);
            count("popDeadDroppedTotal", metrics.pop_dropped);
            count("timersPending", metrics.timers_pending);
            count("timersLateMillis", metrics.timers_late_ms);
            count("timersTakenInTotal", metrics.timers_taken_in);
            count("timersDeliveredTotal", metrics.timers_delivered);
            count("timersRecalledTotal", metrics.timers_recalled);
            count("timersDroppedTotal", metrics.timers_dropped);
            count("timersLostTotal", metrics.timers_lost);
            for (const auto& [group, leases] : setup_.leaders->current())
                values["popLeases." + group] = std::to_string(leases);
            add_runtime_info(values);
            // RocketMQ's names of the same.
            count("timerOffsetBehind", metrics.timers_behind);
            count("timerCongestNum", metrics.timers_pending);
            values["timerReadBehind"] = std::to_string(metrics.timers_late_ms.load(std::memory_order_relaxed) / 1'000);
            values["topics"] = std::to_string(topics_->size());
            values["groups"] = std::to_string(groups_.size());
            values["consumerGroupsOnline"] = std::to_string(members_.group_count());
            values["consumerGroupsDiffering"] = std::to_string(members_.differing_count());
            values["clientIdsShared"] = std::to_string(members_.shared_id_count());
            values["consumerGroupsSlow"] = std::to_string(lags_.book().slow_count());
            values["consumerLagMessagesMax"] = std::to_string(lags_.book().messages_max());
            values["consumerLagMillisMax"] = std::to_string(lags_.book().age_ms_max());
            values["consumersOnline"] = std::to_string(members_.member_count());
            values["producersOnline"] = std::to_string(producers_.membership_count());
            add_schedule_info(std::move(described), promise);
        });
    return promise;
}

void broker_state::handle(broker_tick tick) {
    if (tick.repeat)
        self_->delayed_send(self_, std::chrono::seconds{1}, tick);
    sample_traffic();
    tell_differences();
    lags_.tick(now());
    retention_.tick(now());
    fail_overdue();
    if (next_expire_ <= now()) {
        next_expire_ = now() + setup_.options.expire_interval;
        notify(members_.expire(now()));
        keep_offsets_of_users();
        producers_.expire(now());
    }
    if (finishing_ && finish_by_ <= now()) {
        fail_everything(closing());
        self_->quit();
    }
}

void broker_state::fail_overdue() {
    pending_.fail_overdue(now());
    for (const auto& done : changes_.take_overdue(now()))
        done({errc::timed_out, "no answer within the deadline; the outcome is unknown"});
    end_if_idle();
}

void broker_state::fail_everything(const error& failure) {
    pending_.fail_all(failure);
    questions_.fail_all(failure);
    for (const auto& done : changes_.take_all())
        done(failure);
}

void broker_state::handle(const finish& order) {
    finishing_ = true;
    lags_.stop();
    retention_.stop();
    assigner_.stop();
    send_notes(); // the keeper's own finish comes after them
    finish_by_ = now() + setup_.options.finish_deadline;
    fail_throttled(closing());
    finish_queues(order, {});
    self_->delayed_send(self_, setup_.options.finish_deadline, broker_tick{false});
    end_if_idle();
}

void broker_state::end_if_idle() {
    if (finishing_ && queues_.is_empty() && pending_.is_empty() && changes_.is_empty() && questions_.is_empty())
        self_->quit();
}

void broker_state::handle(const caf::down_msg& event) {
    const auto address = event.source;
    if (const auto session = sessions_.leave(address)) {
        notify(members_.session_lost(*session), true); // as RocketMQ: nobody said that it leaves, and its queues wait
        producers_.session_lost(*session);
    } else if (queues_.ended(address)) {
        end_if_idle();
    } else if (watchers_.erase(address) == 0) {
        end_with_role(address, event.reason);
    }
}

/// A role below has ended before the broker: a bug. What it left behind is unknown, so nothing may build on it.
void broker_state::end_with_role(const caf::actor_addr& address, const caf::error& reason) {
    const auto role = roles_.find(address);
    if (role == roles_.end())
        return;
    const error failure{errc::internal, "the " + role->second + " has ended (" + to_string(to_error(reason)) + "); restart this broker"};
    write_log(log_level::error, "broker: " + failure.text);
    roles_.clear();
    fail_throttled(failure);
    fail_everything(failure);
    finish_queues(finish{}, {});
    self_->quit(make_caf_error(failure));
}

namespace {

/// CAF makes the state of an actor from nothing; that of the broker is whole from the beginning.
struct broker_shell {
    static inline const char* name = "broker";
    std::unique_ptr<broker_state> state;
};

broker_role::behavior_type broker(broker_role::stateful_pointer<broker_shell> self, broker_setup setup) {
    self->state.state = std::make_unique<broker_state>(self, std::move(setup));
    auto* const state = self->state.state.get(); // it lives as long as the behaviour is used
    return {
        [state](const send_messages& order) { return state->serve(order); },
        [state](const pull_messages& order) { return state->serve(order); },
        [state](const commit_offset& order) { return state->serve(order); },
        [state](const query_offset& order) { return state->serve(order); },
        [state](const find_max_offset& order) { return state->serve(order); },
        [state](const find_min_offset& order) { return state->serve(order); },
        [state](const search_offset& order) { return state->serve(order); },
        [state](const client_heartbeat& order) { return state->serve(order); },
        [state](const unregister_client& order) { return state->serve(order); },
        [state](const list_group_members& order) { return state->serve(order); },
        [state](const put_topic& order) { return state->serve(order); },
        [state](const delete_topic& order) { return state->serve(order); },
        [state](const list_topics& order) { return state->serve(order); },
        [state](const describe_topic& order) { return state->serve(order); },
        [state](const put_group& order) { return state->serve(order); },
        [state](const delete_group& order) { return state->serve(order); },
        [state](const list_groups& order) { return state->serve(order); },
        [state](const describe_group& order) { return state->serve(order); },
        [state](const describe_broker& order) { return state->serve(order); },
        [state](const find_group_config& order) { return state->serve(order); },
        [state](const change_topic& order) { return state->serve(order); },
        [state](const change_topics& order) { return state->serve(order); },
        [state](const find_topic_config& order) { return state->serve(order); },
        [state](const list_system_topics& order) { return state->serve(order); },
        [state](const describe_topic_state& order) { return state->serve(order); },
        [state](const put_groups& order) { return state->serve(order); },
        [state](const describe_group_state& order) { return state->serve(order); },
        [state](const describe_consumption& order) { return state->serve(order); },
        [state](const query_forbidden& order) { return state->serve(order); },
        [state](const set_request_mode& order) { return state->serve(order); },
        [state](const list_request_modes& order) { return state->serve(order); },
        [state](const clean_store& order) { return state->serve(order); },
        [state](const view_statistics& order) { return state->serve(order); },
        [state](const list_broker_config& order) { return state->serve(order); },
        [state](const change_broker_config& order) { return state->serve(order); },
        [state](const remote_heartbeat& order) { return state->serve(order); },
        [state](const send_reply& order) { return state->serve(order); },
        [state](const list_consumer_connections& order) { return state->serve(order); },
        [state](const list_members& order) { return state->serve(order); },
        [state](const list_dead_letters& order) { return state->serve(order); },
        [state](const read_page& order) { return state->serve(order); },
        [state](const trace_message& order) { return state->serve(order); },
        [state](const list_lags& order) { return state->serve(order); },
        [state](const resend_dead_letters& order) { return state->serve(order); },
        [state](const list_producer_connections& order) { return state->serve(order); },
        [state](const list_producers& order) { return state->serve(order); },
        [state](const check_subscription& order) { return state->serve(order); },
        [state](const list_topic_readers& order) { return state->serve(order); },
        [state](const list_group_topics& order) { return state->serve(order); },
        [state](const find_subscription& order) { return state->serve(order); },
        [state](const ask_member& order) { return state->serve(order); },
        [state](const ask_members_status& order) { return state->serve(order); },
        [state](const reset_offsets& order) { return state->serve(order); },
        [state](const clone_offsets& order) { return state->serve(order); },
        [state](const send_message_back& order) { return state->serve(order); },
        [state](const send_retry_message& order) { return state->serve(order); },
        [state](const lock_queues& order) { return state->serve(order); },
        [state](const unlock_queues& order) { return state->serve(order); },
        [state](const end_transaction& order) { return state->serve(order); },
        [state](const list_transactions& order) { return state->serve(order); },
        [state](const resume_transaction& order) { return state->serve(order); },
        [state](const check_transaction& order) { return state->serve(order); },
        [state](const query_assignment& order) { return state->serve(order); },
        [state](const pull_ticketed& order) { state->handle(order); },
        [state](const pop_ticketed& order) { state->handle(order); },
        [state](const pops_abandoned& order) { state->handle(order); },
        [state](const use_name_servers& order) { state->handle(order); },
        [state](const pull_abandoned& order) { state->handle(order); },
        [state](const watch_topics& order) { state->handle(order); },
        [state](const finish& order) { state->handle(order); },
        [state](const records_appended& result) { state->handle(result); },
        [state](const pull_answered& result) { state->handle(result); },
        [state](const queue_idle& event) { state->handle(event); },
        [state](broker_tick tick) { state->handle(tick); },
        [state](throttle_tick tick) { state->handle(tick); },
        [state](notices_tick tick) { state->handle(tick); },
    };
}

} // namespace

spawned_broker spawn_broker(caf::actor_system& system, broker_setup setup) {
    const broker_role spawned = system.spawn(broker, std::move(setup));
    return {spawned, spawned, spawned, spawned, spawned, spawned, spawned};
}

} // namespace troupe::actors
