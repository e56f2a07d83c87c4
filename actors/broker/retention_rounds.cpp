#include "actors/broker/retention_rounds.hpp"

#include "actors/base/log.hpp"
#include "protocol/topic_attributes.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

storage::topic_rule rule_of(const topic_config& topic) {
    namespace name = protocol::topic_attribute;
    return {std::chrono::milliseconds{protocol::number_attribute(topic.attributes, name::retention_ms)},
            static_cast<std::uint64_t>(protocol::number_attribute(topic.attributes, name::retention_bytes))};
}

void warn(const std::string& topic, const error& failure) {
    write_log(log_level::warning, "broker: the retention of topic " + topic + " could not be applied: " + failure.text +
                                      "; it is tried again with the next round");
}

} // namespace

retention_rounds::retention_rounds(std::chrono::milliseconds interval, wall_clock wall, std::shared_ptr<const topic_directory> topics,
                                   question<trim_topic, topic_trimmed> trim)
    : interval_{interval}, wall_{std::move(wall)}, topics_{std::move(topics)}, trim_{std::move(trim)} {}

void retention_rounds::note(const topic_config& topic, clock_time now) {
    const auto rule = rule_of(topic);
    if (rule != storage::topic_rule{}) {
        rules_.insert_or_assign(topic.name, rule);
        round_.hasten(now);
    } else if (rules_.erase(topic.name) != 0) {
        restore(topic.name);
    }
}

void retention_rounds::tick(clock_time now) {
    if (!is_stopped_ && round_.begin(now, interval_))
        trim_next();
}

void retention_rounds::trim_next() {
    const auto next = round_.next(rules_);
    if (next == rules_.end())
        return;
    round_.enter(next->first);
    const auto topics = topics_->current();
    const auto* topic = topics->find(next->first);
    trim(next->first, topic == nullptr ? 0 : std::max(topic->read_queues, topic->write_queues), next->second);
}

void retention_rounds::trim(const std::string& topic, std::int32_t queues, const storage::topic_rule& rule) {
    trim_(
        {topic, queues, rule, wall_()},
        [this, topic](const error& failure) {
            warn(topic, failure);
            round_.pause();
        },
        [this, topic, queues, rule](const topic_trimmed& done) {
            if (is_stopped_)
                return round_.pause();
            const auto now_is = rules_.find(topic);
            if (done.has_more && now_is != rules_.end() && now_is->second == rule)
                trim(topic, queues, rule);
            else
                trim_next();
        });
}

/// What was trimmed comes back, as far as the log has it.
void retention_rounds::restore(const std::string& topic) {
    trim_(
        {topic, 0, {}, wall_()}, [topic](const error& failure) { warn(topic, failure); }, [](const topic_trimmed&) {});
}

} // namespace troupe::actors
