#include "actors/broker/broker_state.hpp"
#include "actors/broker/joint_answer.hpp"
#include "actors/log/runtime_info.hpp"
#include "actors/schedule/delayed_message.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

// What tools ask about traffic and progress.

namespace troupe::actors {

namespace {

/// Number of the day that `time` falls on where the broker runs.
std::int64_t local_day(timestamp_ms time) {
    const auto seconds = static_cast<std::time_t>(time.value() / 1000);
    std::tm local{};
    if (::localtime_r(&seconds, &local) == nullptr)
        return seconds / 86'400;
    return (seconds + local.tm_gmtoff) / 86'400;
}

} // namespace

// ---- traffic --------------------------------------------------------------------------------------------------------

/// Pulls that are with a queue right now count as missed until they are answered.
other_counts broker_state::counted_by_others() const {
    const auto load = [](const broker_metrics::counter& counter) {
        return static_cast<std::int64_t>(counter.load(std::memory_order_relaxed));
    };
    const auto& metrics = *setup_.metrics;
    return {load(metrics.pulls) - load(metrics.pulls_found) - load(metrics.pulls_held), load(metrics.timers_taken_in),
            load(metrics.timers_delivered)};
}

void broker_state::sample_traffic() {
    setup_.traffic->sample(now(), local_day(setup_.options.now()), counted_by_others());
}

caf::result<statistics_viewed> broker_state::handle(const view_statistics& order) {
    auto viewed = setup_.traffic->view(order.name, order.key, now());
    if (!viewed)
        return make_caf_error(viewed.failure());
    return statistics_viewed{*viewed};
}

/// What only the broker knows of code 28; the log reader has filled in the store.
void broker_state::add_runtime_info(protocol::key_value_table& values) const {
    add_traffic_info(values, setup_.traffic->summarize(now(), counted_by_others()));
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(now() - started_);
    values["bootTimestamp"] = std::to_string(started_ms_);
    values["runtime"] = format_uptime(uptime);
    // RocketMQ shows 1 for 0: the exporter divides by it.
    const auto puts = setup_.metrics->put_messages.load(std::memory_order_relaxed);
    const auto bytes = setup_.metrics->put_bytes.load(std::memory_order_relaxed);
    values["putMessageTimesTotal"] = std::to_string(std::max<std::uint64_t>(puts, 1));
    values["putMessageAverageSize"] = format_real(static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(puts, 1)));
    values["pullThreadPoolQueueSize"] = std::to_string(setup_.read_admission->under_way());
    values["pullThreadPoolQueueCapacity"] = std::to_string(setup_.read_admission->amount_max());
}

/// How far each delay level is: what is delivered, and what there is.
void broker_state::add_schedule_info(broker_described described, caf::typed_response_promise<broker_described> promise) {
    if (!setup_.schedule) {
        promise.deliver(std::move(described));
        return;
    }
    progress_.describe_own(std::string{schedule_group}, std::string{schedule_topic},
                           [promise, so_far = std::move(described)](const result<group_described>& levels) mutable {
                               if (!levels) {
                                   promise.deliver(make_caf_error(levels.failure()));
                                   return;
                               }
                               for (const auto& [queue, progress] : levels->stats.queues)
                                   so_far.values["scheduleMessageOffset_" + std::to_string(queue.queue + 1)] =
                                       std::to_string(progress.consumer_offset) + "," + std::to_string(progress.broker_offset);
                               promise.deliver(std::move(so_far));
                           });
}

// ---- topics ---------------------------------------------------------------------------------------------------------

caf::result<topic_state_described> broker_state::handle(const describe_topic_state& order) {
    const auto* topic = topics_->find(order.topic);
    if (topic == nullptr)
        return make_caf_error(errc::topic_not_found, "topic " + order.topic + " does not exist on this broker");
    auto promise = self_->make_response_promise<topic_state_described>();
    const auto queues = std::max(topic->read_queues, topic->write_queues);
    questions_.ask<topic_described>(
        background_reader(), describe_queues{order.topic, setup_.options.broker_name, queues},
        [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [this, promise, name = order.topic](topic_described& described) mutable {
            promise.deliver(topic_state_described{std::move(described.stats), setup_.traffic->put_tps(name, now())});
        });
    return promise;
}

// ---- groups ---------------------------------------------------------------------------------------------------------

caf::result<group_described> broker_state::handle(const describe_group_state& order) {
    auto promise = self_->make_response_promise<group_described>();
    send_notes();
    progress_.describe(order, deliver_to(promise));
    return promise;
}

caf::result<consumption_described> broker_state::handle(const describe_consumption& order) {
    auto promise = self_->make_response_promise<consumption_described>();
    send_notes();
    progress_.describe(order, deliver_to(promise));
    return promise;
}

} // namespace troupe::actors
