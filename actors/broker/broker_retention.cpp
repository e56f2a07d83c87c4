#include "actors/base/log.hpp"
#include "actors/broker/broker_state.hpp"
#include "protocol/topic_attributes.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

storage::topic_rule rule_of(const topic_config& topic) {
    namespace name = protocol::topic_attribute;
    return {std::chrono::milliseconds{protocol::number_attribute(topic.attributes, name::retention_ms)},
            static_cast<std::uint64_t>(protocol::number_attribute(topic.attributes, name::retention_bytes))};
}

} // namespace

/// Called for each topic that is there, is changed, or goes (then without a rule).
void broker_state::note_retention(const topic_config& topic) {
    const auto rule = rule_of(topic);
    if (rule != storage::topic_rule{}) {
        retention_rules_.insert_or_assign(topic.name, rule);
        trim_round_.hasten(now());
    } else if (retention_rules_.erase(topic.name) != 0) {
        trim(topic.name, 0, rule); // what was trimmed comes back, as far as the log has it
    }
}

void broker_state::apply_retention() {
    if (!finishing_ && trim_round_.begin(now(), setup_.options.retain_interval))
        trim_next();
}

/// One topic after the other; one that is not done is asked for again, so that no step keeps a reader for long.
void broker_state::trim_next() {
    const auto next = trim_round_.next(retention_rules_);
    if (next == retention_rules_.end())
        return;
    trim_round_.enter(next->first);
    const auto* topic = topics_->find(next->first);
    trim(next->first, topic == nullptr ? 0 : std::max(topic->read_queues, topic->write_queues), next->second);
}

void broker_state::trim(const std::string& topic, std::int32_t queues, const storage::topic_rule& rule) {
    const bool is_round = rule != storage::topic_rule{};
    questions_.ask<topic_trimmed>(
        background_reader(), trim_topic{topic, queues, rule, setup_.options.now()},
        [this, topic, is_round](const error& failure) {
            write_log(log_level::warning, "broker: the retention of topic " + topic + " could not be applied: " + failure.text +
                                              "; it is tried again with the next round");
            if (is_round)
                trim_round_.pause();
        },
        [this, topic, queues, rule, is_round](const topic_trimmed& done) {
            if (!is_round)
                return;
            const auto now_is = retention_rules_.find(topic);
            if (done.has_more && !finishing_ && now_is != retention_rules_.end() && now_is->second == rule)
                return trim(topic, queues, rule);
            if (finishing_)
                return trim_round_.pause();
            trim_next();
        });
}

} // namespace troupe::actors
