#include "actors/broker/lag_rounds.hpp"

#include "actors/base/log.hpp"

#include <utility>

namespace troupe::actors {

namespace {

/// Of one tick, so that measuring never crowds out what others ask of the same roles; and of one group.
constexpr std::size_t groups_per_tick_max = 20;
constexpr std::size_t queues_per_group_max = 16'384;
/// With few groups each is measured this often.
constexpr std::chrono::seconds round_interval{10};

} // namespace

lag_rounds::lag_rounds(std::chrono::milliseconds slow_after, wall_clock wall, const group_map& groups, const consumer_groups& members,
                       std::shared_ptr<const topic_directory> topics, questions ask)
    : wall_{std::move(wall)}, groups_{groups}, members_{members}, topics_{std::move(topics)}, ask_{std::move(ask)}, book_{slow_after} {}

lags_listed lag_rounds::list(const list_lags& order) const {
    lags_listed listed;
    for (const auto& known_group : groups_) {
        const auto& group = known_group.first;
        if (!order.group.empty() && group != order.group)
            continue;
        protocol::group_lag_entry entry;
        entry.group = group;
        entry.members = static_cast<std::int32_t>(members_.members(group).size());
        if (const auto known = book_.find(group)) {
            entry.messages = known->lag.messages;
            entry.oldest = known->lag.oldest;
            entry.measured = known->measured;
            entry.is_slow = known->is_slow;
        }
        listed.groups.push_back(std::move(entry));
    }
    return listed;
}

void lag_rounds::tick(clock_time now) {
    if (!is_stopped_ && round_.begin(now, round_interval))
        measure_next(groups_per_tick_max);
}

void lag_rounds::measure_next(std::size_t left) {
    const auto group = round_.next(groups_);
    if (group == groups_.end())
        return;
    if (left == 0 || is_stopped_)
        return round_.pause();
    round_.enter(group->first);
    const auto give_up = [this](const error&) { round_.pause(); };
    ask_.committed({group->first, {}}, give_up, [this, give_up, name = group->first, left](const offsets_listed& committed) {
        auto asked = question_of(name, committed);
        if (asked.committed.empty()) {
            if (book_.find(name)) // what it was behind on is gone
                note(name, {});
            return measure_next(left - 1);
        }
        ask_.measure(std::move(asked), give_up, [this, name, left](const lag_measured& measured) {
            note(name, measured.lag);
            measure_next(left - 1);
        });
    });
}

/// Offsets on topics that nobody of the group reads any more are no lag, as for RocketMQ's tools.
measure_lag lag_rounds::question_of(const std::string& group, const offsets_listed& committed) const {
    measure_lag asked;
    const bool online = members_.has_members(group);
    const auto topics = topics_->current();
    for (const auto& [queue, offset] : committed.offsets) {
        const auto* topic = topics->find(queue.topic);
        const bool is_read = topic != nullptr && queue.queue.value() < topic->read_queues &&
                             (!online || members_.subscription(group, queue.topic) != nullptr);
        if (is_read && asked.committed.size() < queues_per_group_max)
            asked.committed.emplace_back(queue, offset);
    }
    return asked;
}

void lag_rounds::note(const std::string& group, const group_lag& lag) {
    if (!groups_.contains(group))
        return; // deleted meanwhile
    const auto change = book_.note(group, lag, members_.has_members(group), wall_());
    const auto seconds = book_.find(group)->age_ms() / 1'000;
    if (change == lag_book::change::became_slow)
        write_log(log_level::warning, "broker: group " + group + " is slow: it is " + std::to_string(lag.messages) +
                                          " messages behind, and the oldest has waited for " + std::to_string(seconds) + " s");
    else if (change == lag_book::change::caught_up)
        write_log(log_level::info, "broker: group " + group + " has caught up");
}

} // namespace troupe::actors
