#include "actors/broker/broker_state.hpp"
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

/// Of one question about progress. The store keeps something in memory for each queue that is looked at, and looks at one after the
/// other, on the thread that consumers' first reads of old messages need as well.
constexpr std::size_t queues_per_question_max = 16'384;
/// Of one answer about all groups: as many as fit into a frame.
constexpr std::size_t queues_per_answer_max = 65'536;
constexpr std::size_t walks_max = 4;

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
    const continuation fail = [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); };
    const std::string topic{schedule_topic};
    questions_.ask<offsets_listed>(
        setup_.offset_keeper, list_offsets{std::string{schedule_group}, topic}, fail,
        [this, fail, promise, topic, so_far = std::move(described)](const offsets_listed& delivered) {
            auto question = progress_question({topic}, delivered);
            if (!question)
                return fail(question.failure());
            questions_.ask<group_described>(
                background_reader(), std::move(*question), fail, [promise, so_far](const group_described& levels) mutable {
                    for (const auto& [queue, progress] : levels.stats.queues)
                        so_far.values["scheduleMessageOffset_" + std::to_string(queue.queue + 1)] =
                            std::to_string(progress.consumer_offset) + "," + std::to_string(progress.broker_offset);
                    promise.deliver(std::move(so_far));
                });
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

/// Every queue to read of `topics`; 0 where nothing is committed.
result<describe_progress> broker_state::progress_question(const std::set<std::string>& topics, const offsets_listed& committed) const {
    const std::map<topic_queue, queue_offset> offsets{committed.offsets.begin(), committed.offsets.end()};
    describe_progress question;
    question.broker_name = setup_.options.broker_name;
    for (const auto& topic : topics) {
        const auto* config = topics_->find(topic);
        const auto more = config == nullptr ? 0 : static_cast<std::size_t>(config->read_queues);
        if (question.committed.size() + more > queues_per_question_max)
            return error{errc::argument_illegal, "the topics of this group have more than " + std::to_string(queues_per_question_max) +
                                                     " queues; ask for fewer topics at once"};
        for (std::int32_t i = 0; config != nullptr && i < config->read_queues; ++i) {
            const topic_queue queue{topic, queue_id{i}};
            const auto known = offsets.find(queue);
            question.committed.emplace_back(queue, known == offsets.end() ? queue_offset{0} : known->second);
        }
    }
    return question;
}

/// Adds what the store does not know: how far the group has pulled, and how fast.
void broker_state::complete(protocol::consume_stats& stats, const std::string& group) const {
    std::set<std::string> topics;
    for (auto& [queue, progress] : stats.queues) {
        topics.insert(queue.topic);
        if (const auto pulled = pull_positions_.find(group, queue.topic, queue_id{queue.queue}))
            progress.pull_offset =
                std::clamp(pulled->value(), progress.consumer_offset, std::max(progress.consumer_offset, progress.broker_offset));
    }
    for (const auto& topic : topics)
        stats.consume_tps += setup_.traffic->get_tps(topic, group, now());
}

caf::result<group_described> broker_state::handle(const describe_group_state& order) {
    auto promise = self_->make_response_promise<group_described>();
    const continuation fail = [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); };
    send_notes();
    questions_.ask<offsets_listed>(
        setup_.offset_keeper, list_offsets{order.group, ""}, fail, [this, promise, fail, order](const offsets_listed& committed) mutable {
            std::set<std::string> topics{order.topics.begin(), order.topics.end()};
            if (topics.empty())
                for (const auto& entry : committed.offsets)
                    topics.insert(entry.first.topic);
            if (order.subscribed_only && members_.has_members(order.group))
                std::erase_if(topics, [this, &order](const auto& topic) { return members_.subscription(order.group, topic) == nullptr; });
            auto question = progress_question(topics, committed);
            if (!question) {
                fail(question.failure());
                return;
            }
            questions_.ask<group_described>(background_reader(), std::move(*question), fail,
                                            [this, promise, group = order.group](group_described& described) mutable {
                                                complete(described.stats, group);
                                                add_popped(std::move(described), group, promise);
                                            });
        });
    return promise;
}

/// What a group has popped is with its consumers, as what it has pulled.
void broker_state::add_popped(group_described described, const std::string& group, caf::typed_response_promise<group_described> promise) {
    if (!setup_.pop_keeper) {
        promise.deliver(std::move(described));
        return;
    }
    questions_.ask<popped_listed>(
        setup_.pop_keeper, list_popped{group}, [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [this, promise, described](const popped_listed& popped) mutable {
            for (const auto& [queue, next] : popped.next) {
                const auto known = described.stats.queues.find({queue.topic, setup_.options.broker_name, queue.queue.value()});
                if (known != described.stats.queues.end())
                    known->second.pull_offset = std::max(known->second.pull_offset, std::min(next.value(), known->second.broker_offset));
            }
            promise.deliver(std::move(described));
        });
}

caf::result<consumption_described> broker_state::handle(const describe_consumption& order) {
    if (*walks_ >= walks_max) {
        add(setup_.metrics->busy_answers);
        return make_caf_error(errc::busy, "this broker tells the progress of all groups to " + std::to_string(walks_max) +
                                              " at a time; repeat this request later, or ask for one group");
    }
    auto walk = std::make_shared<consumption_walk>();
    ++*walks_;
    walk->place = {nullptr, [walks = walks_](void*) { --*walks; }};
    walk->promise = self_->make_response_promise<consumption_described>();
    walk->stats.broker_address = protocol::to_string(setup_.options.store_host);
    walk->ordered_only = order.ordered_only;
    walk->deadline = now() + setup_.options.request_deadline;
    for (auto group = groups_.rbegin(); group != groups_.rend(); ++group)
        walk->groups.push_back(group->first);
    auto promise = walk->promise;
    send_notes();
    walk_consumption(walk);
    return promise;
}

void broker_state::walk_consumption(const std::shared_ptr<consumption_walk>& walk) {
    if (walk->groups.empty()) {
        walk->promise.deliver(consumption_described{std::move(walk->stats)});
        return;
    }
    if (walk->deadline <= now()) {
        walk->promise.deliver(make_caf_error(errc::timed_out, "the progress of " + std::to_string(walk->groups.size()) + " of " +
                                                                  std::to_string(groups_.size()) + " groups is still to be read"));
        return;
    }
    const auto group = std::move(walk->groups.back());
    walk->groups.pop_back();
    const continuation fail = [walk](const error& failure) { walk->promise.deliver(make_caf_error(failure)); };
    questions_.ask<offsets_listed>(
        setup_.offset_keeper, list_offsets{group, ""}, fail, [this, walk, fail, group](const offsets_listed& committed) {
            std::set<std::string> topics;
            for (const auto& entry : committed.offsets) {
                const auto* topic = topics_->find(entry.first.topic);
                if (topic != nullptr && (topic->order || !walk->ordered_only))
                    topics.insert(topic->name);
            }
            auto question = progress_question(topics, committed);
            if (!question) {
                fail(question.failure());
                return;
            }
            walk->queues += question->committed.size();
            if (walk->queues > queues_per_answer_max) {
                fail({errc::argument_illegal, "all groups together have progress on more than " + std::to_string(queues_per_answer_max) +
                                                  " queues; ask for one group at a time"});
                return;
            }
            questions_.ask<group_described>(background_reader(), std::move(*question), fail,
                                            [this, walk, group](group_described& described) {
                                                add_group_consumption(*walk, group, std::move(described.stats));
                                                walk_consumption(walk);
                                            });
        });
}

/// One table per topic, of the queues that are written to.
void broker_state::add_group_consumption(consumption_walk& walk, const std::string& group, protocol::consume_stats stats) const {
    complete(stats, group);
    auto& topics = walk.stats.groups[group];
    std::string topic;
    for (const auto& [queue, progress] : stats.queues) {
        const auto* config = topics_->find(queue.topic);
        if (config == nullptr || queue.queue >= config->write_queues)
            continue;
        if (topics.empty() || topic != queue.topic) {
            topic = queue.topic;
            topics.emplace_back().consume_tps = setup_.traffic->get_tps(topic, group, now());
        }
        topics.back().queues.emplace(queue, progress);
        walk.stats.total_diff += progress.broker_offset - progress.consumer_offset;
        walk.stats.total_inflight_diff += progress.pull_offset - progress.consumer_offset;
    }
}

} // namespace troupe::actors
