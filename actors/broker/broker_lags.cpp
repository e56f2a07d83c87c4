#include "actors/base/log.hpp"
#include "actors/broker/broker_state.hpp"
#include "actors/messages/lag_messages.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

/// Of one tick, so that measuring never crowds out what others ask of the same roles; and of one group.
constexpr std::size_t groups_per_tick_max = 20;
constexpr std::size_t queues_per_group_max = 16'384;
/// With few groups each is measured this often.
constexpr std::chrono::seconds round_interval{10};

} // namespace

caf::result<lags_listed> broker_state::handle(const list_lags& order) {
    lags_listed listed;
    for (const auto& known_group : groups_) {
        const auto& group = known_group.first;
        if (!order.group.empty() && group != order.group)
            continue;
        protocol::group_lag_entry entry;
        entry.group = group;
        entry.members = static_cast<std::int32_t>(members_.members(group).size());
        if (const auto known = lags_.find(group)) {
            entry.messages = known->lag.messages;
            entry.oldest = known->lag.oldest;
            entry.measured = known->measured;
            entry.is_slow = known->is_slow;
        }
        listed.groups.push_back(std::move(entry));
    }
    return listed;
}

void broker_state::measure_lags() {
    if (!finishing_ && lag_round_.begin(now(), round_interval))
        measure_next_lag(groups_per_tick_max);
}

void broker_state::measure_next_lag(std::size_t left) {
    const auto group = lag_round_.next(groups_);
    if (group == groups_.end())
        return;
    if (left == 0)
        return lag_round_.pause();
    lag_round_.enter(group->first);
    const continuation give_up = [this](const error&) { lag_round_.pause(); };
    questions_.ask<offsets_listed>(setup_.offset_keeper, list_offsets{group->first, {}}, give_up,
                                   [this, give_up, name = group->first, left](const offsets_listed& committed) {
                                       auto question = lag_question(name, committed);
                                       if (question.committed.empty()) {
                                           if (lags_.find(name)) // what it was behind on is gone
                                               note_lag(name, {});
                                           return measure_next_lag(left - 1);
                                       }
                                       questions_.ask<lag_measured>(background_reader(), std::move(question), give_up,
                                                                    [this, name, left](const lag_measured& measured) {
                                                                        note_lag(name, measured.lag);
                                                                        measure_next_lag(left - 1);
                                                                    });
                                   });
}

/// Offsets on topics that nobody of the group reads any more are no lag, as for RocketMQ's tools.
measure_lag broker_state::lag_question(const std::string& group, const offsets_listed& committed) const {
    measure_lag question;
    const bool online = members_.has_members(group);
    for (const auto& [queue, offset] : committed.offsets) {
        const auto* topic = topics_->find(queue.topic);
        const bool is_read = topic != nullptr && queue.queue.value() < topic->read_queues &&
                             (!online || members_.subscription(group, queue.topic) != nullptr);
        if (is_read && question.committed.size() < queues_per_group_max)
            question.committed.emplace_back(queue, offset);
    }
    return question;
}

void broker_state::note_lag(const std::string& group, const group_lag& lag) {
    if (!groups_.contains(group))
        return; // deleted meanwhile
    const auto change = lags_.note(group, lag, members_.has_members(group), setup_.options.now());
    const auto seconds = lags_.find(group)->age_ms() / 1'000;
    if (change == lag_book::change::became_slow)
        write_log(log_level::warning, "broker: group " + group + " is slow: it is " + std::to_string(lag.messages) +
                                          " messages behind, and the oldest has waited for " + std::to_string(seconds) + " s");
    else if (change == lag_book::change::caught_up)
        write_log(log_level::info, "broker: group " + group + " has caught up");
}

} // namespace troupe::actors
