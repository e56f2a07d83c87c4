#include "actors/broker/progress_reports.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::actors {

namespace {

/// Of one question. The store keeps something in memory for each queue that is looked at, and looks at one after the other, on the thread
/// that consumers' first reads of old messages need as well.
constexpr std::size_t queues_per_question_max = 16'384;
/// Of one answer about all groups: as many as fit into a frame.
constexpr std::size_t queues_per_answer_max = 65'536;

std::set<std::string> topics_of(const offsets_listed& committed) {
    std::set<std::string> topics;
    for (const auto& entry : committed.offsets)
        topics.insert(entry.first.topic);
    return topics;
}

} // namespace

struct progress_reports::consumption_walk {
    walk_answer told;
    protocol::broker_consume_stats stats;
    std::size_t queues = 0;          ///< in stats
    std::vector<std::string> groups; ///< still to do, in reverse
    bool ordered_only = false;
    clock_time deadline;
};

progress_reports::progress_reports(options how, std::function<clock_time()> clock, books by, questions ask)
    : options_{std::move(how)}, clock_{std::move(clock)}, by_{std::move(by)}, ask_{std::move(ask)} {}

// ---- one group ------------------------------------------------------------------------------------------------------

void progress_reports::describe(const describe_group& order, const group_answer& told) {
    const auto fail = [told](const error& failure) { told(failure); };
    ask_.committed({order.group, order.topic}, fail, [this, told, fail, order](const offsets_listed& committed) {
        if (committed.offsets.empty() && !by_.groups.contains(order.group) && !by_.members.has_members(order.group))
            return fail({errc::group_not_found, "group " + order.group + " does not exist on this broker"});
        auto topics = topics_of(committed);
        if (!order.topic.empty())
            topics.insert(order.topic);
        ask_progress(topics, committed, fail, [told](group_described& described) { told(std::move(described)); });
    });
}

void progress_reports::describe_own(const std::string& name, const std::string& topic, const group_answer& told) {
    const auto fail = [told](const error& failure) { told(failure); };
    ask_.committed({name, topic}, fail, [this, told, fail, topic](const offsets_listed& committed) {
        ask_progress({topic}, committed, fail, [told](group_described& described) { told(std::move(described)); });
    });
}

void progress_reports::describe(const describe_group_state& order, const group_answer& told) {
    const auto fail = [told](const error& failure) { told(failure); };
    ask_.committed({order.group, ""}, fail, [this, told, fail, order](const offsets_listed& committed) {
        std::set<std::string> topics{order.topics.begin(), order.topics.end()};
        if (topics.empty())
            topics = topics_of(committed);
        if (order.subscribed_only && by_.members.has_members(order.group))
            std::erase_if(topics, [this, &order](const auto& topic) { return by_.members.subscription(order.group, topic) == nullptr; });
        ask_progress(topics, committed, fail, [this, told, group = order.group](group_described& described) {
            complete(described.stats, group);
            add_popped(std::move(described), group, told);
        });
    });
}

void progress_reports::ask_progress(const std::set<std::string>& topics, const offsets_listed& committed, const continuation& fail,
                                    std::function<void(group_described& described)> then) {
    auto asked = question_of(topics, committed);
    if (!asked)
        return fail(asked.failure());
    ask_.progress(std::move(*asked), fail, std::move(then));
}

/// 0 where nothing is committed.
result<describe_progress> progress_reports::question_of(const std::set<std::string>& topics, const offsets_listed& committed) const {
    const std::map<topic_queue, queue_offset> offsets{committed.offsets.begin(), committed.offsets.end()};
    const auto known_topics = by_.topics->current();
    describe_progress asked;
    asked.broker_name = options_.broker_name;
    for (const auto& topic : topics) {
        const auto* config = known_topics->find(topic);
        const auto more = config == nullptr ? 0 : static_cast<std::size_t>(config->read_queues);
        if (asked.committed.size() + more > queues_per_question_max)
            return error{errc::argument_illegal, "the topics of this group have more than " + std::to_string(queues_per_question_max) +
                                                     " queues; ask for fewer topics at once"};
        for (std::int32_t i = 0; config != nullptr && i < config->read_queues; ++i) {
            const topic_queue queue{topic, queue_id{i}};
            const auto known = offsets.find(queue);
            asked.committed.emplace_back(queue, known == offsets.end() ? queue_offset{0} : known->second);
        }
    }
    return asked;
}

/// Adds what the store does not know: how far the group has pulled, and how fast.
void progress_reports::complete(protocol::consume_stats& stats, const std::string& group) const {
    std::set<std::string> topics;
    for (auto& [queue, progress] : stats.queues) {
        topics.insert(queue.topic);
        if (const auto pulled = by_.pulls.find(group, queue.topic, queue_id{queue.queue}))
            progress.pull_offset =
                std::clamp(pulled->value(), progress.consumer_offset, std::max(progress.consumer_offset, progress.broker_offset));
    }
    for (const auto& topic : topics)
        stats.consume_tps += by_.traffic->get_tps(topic, group, clock_());
}

/// What a group has popped is with its consumers, as what it has pulled.
void progress_reports::add_popped(group_described described, const std::string& group, const group_answer& told) {
    if (!ask_.popped)
        return told(std::move(described));
    ask_.popped(
        {group}, [told](const error& failure) { told(failure); },
        [this, told, so_far = std::move(described)](const popped_listed& popped) mutable {
            for (const auto& [queue, next] : popped.next) {
                const auto known = so_far.stats.queues.find({queue.topic, options_.broker_name, queue.queue.value()});
                if (known != so_far.stats.queues.end())
                    known->second.pull_offset = std::max(known->second.pull_offset, std::min(next.value(), known->second.broker_offset));
            }
            told(std::move(so_far));
        });
}

// ---- all groups -----------------------------------------------------------------------------------------------------

void progress_reports::describe(const describe_consumption& order, walk_answer told) {
    if (walks_ >= walks_max) {
        add(by_.metrics->busy_answers);
        return told(error{errc::busy, "this broker tells the progress of all groups to " + std::to_string(walks_max) +
                                          " at a time; repeat this request later, or ask for one group"});
    }
    ++walks_;
    auto walk = std::make_shared<consumption_walk>();
    walk->told = std::move(told);
    walk->stats.broker_address = options_.broker_address;
    walk->ordered_only = order.ordered_only;
    walk->deadline = clock_() + options_.walk_deadline;
    for (auto group = by_.groups.rbegin(); group != by_.groups.rend(); ++group)
        walk->groups.push_back(group->first);
    walk_on(walk);
}

void progress_reports::walk_on(const walk_ptr& walk) {
    if (walk->groups.empty())
        return end(walk, consumption_described{std::move(walk->stats)});
    if (walk->deadline <= clock_())
        return end(walk, error{errc::timed_out, "the progress of " + std::to_string(walk->groups.size()) + " of " +
                                                    std::to_string(by_.groups.size()) + " groups is still to be read"});
    const auto group = std::move(walk->groups.back());
    walk->groups.pop_back();
    ask_.committed(
        {group, ""}, [this, walk](const error& failure) { end(walk, failure); },
        [this, walk, group](const offsets_listed& committed) { describe_next(walk, group, committed); });
}

void progress_reports::describe_next(const walk_ptr& walk, const std::string& group, const offsets_listed& committed) {
    const auto known_topics = by_.topics->current();
    auto topics = topics_of(committed);
    std::erase_if(topics, [&known_topics, &walk](const auto& name) {
        const auto* topic = known_topics->find(name);
        return topic == nullptr || (walk->ordered_only && !topic->order);
    });
    auto asked = question_of(topics, committed);
    if (!asked)
        return end(walk, asked.failure());
    walk->queues += asked->committed.size();
    if (walk->queues > queues_per_answer_max)
        return end(walk, error{errc::argument_illegal, "all groups together have progress on more than " +
                                                           std::to_string(queues_per_answer_max) + " queues; ask for one group at a time"});
    ask_.progress(
        std::move(*asked), [this, walk](const error& failure) { end(walk, failure); },
        [this, walk, group](group_described& described) {
            add_group(*walk, group, std::move(described.stats));
            walk_on(walk);
        });
}

/// One table per topic, of the queues that are written to.
void progress_reports::add_group(consumption_walk& walk, const std::string& group, protocol::consume_stats stats) const {
    complete(stats, group);
    const auto known_topics = by_.topics->current();
    auto& topics = walk.stats.groups[group];
    std::string topic;
    for (const auto& [queue, progress] : stats.queues) {
        const auto* config = known_topics->find(queue.topic);
        if (config == nullptr || queue.queue >= config->write_queues)
            continue;
        if (topics.empty() || topic != queue.topic) {
            topic = queue.topic;
            topics.emplace_back().consume_tps = by_.traffic->get_tps(topic, group, clock_());
        }
        topics.back().queues.emplace(queue, progress);
        walk.stats.total_diff += progress.broker_offset - progress.consumer_offset;
        walk.stats.total_inflight_diff += progress.pull_offset - progress.consumer_offset;
    }
}

void progress_reports::end(const walk_ptr& walk, result<consumption_described> outcome) {
    --walks_;
    walk->told(std::move(outcome));
}

} // namespace troupe::actors
