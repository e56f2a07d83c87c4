#include "actors/broker/broker_config.hpp"
#include "actors/broker/broker_state.hpp"
#include "actors/broker/joint_answer.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <utility>

// What tools set: topics and groups in RocketMQ's manner, settings, and orders to tidy up.

namespace troupe::actors {

namespace {

/// Names that are the system's in every broker (RocketMQ: TopicConfigManager).
constexpr std::array<const char*, 10> system_topics{"TBW102",
                                                    "SCHEDULE_TOPIC_XXXX",
                                                    "BenchmarkTest",
                                                    "RMQ_SYS_TRANS_HALF_TOPIC",
                                                    "RMQ_SYS_TRACE_TOPIC",
                                                    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
                                                    "TRANS_CHECK_MAX_TIME_TOPIC",
                                                    "SELF_TEST_TOPIC",
                                                    "OFFSET_MOVED_EVENT",
                                                    "CHECKPOINT_TOPIC"};

constexpr std::chrono::seconds forced_retain_interval{1};

result<void> check_list_size(const char* what, std::size_t entries) {
    if (entries > protocol::list_entries_max)
        return error{errc::argument_illegal, "the list has " + std::to_string(entries) + " " + what + "; send at most " +
                                                 std::to_string(protocol::list_entries_max) + " at once"};
    return {};
}

} // namespace

/// Whoever joins a change under way is told of its outcome, and what that stores may be something else.
result<void> broker_state::check_unchanging(const std::string& what) const {
    if (changes_.contains(what))
        return error{errc::busy, "another change of " + what + " is under way; repeat this one later"};
    return {};
}

// ---- topics ---------------------------------------------------------------------------------------------------------

result<topic_config> broker_state::changed_topic(const protocol::topic_change& change) const {
    auto topic = change.topic;
    const auto* known = topics_->find(topic.name);
    auto attributes = protocol::apply_attribute_changes(topic.name, known == nullptr ? decltype(topic.attributes){} : known->attributes,
                                                        known == nullptr, change.attributes);
    if (!attributes)
        return attributes.failure();
    topic.attributes = std::move(*attributes);
    if (const auto legal = check_topic_config(topic); !legal)
        return legal.failure();
    return topic;
}

caf::result<topic_put> broker_state::handle(const change_topic& order) {
    auto topic = changed_topic(order.change);
    if (!topic)
        return make_caf_error(topic.failure());
    return handle(put_topic{std::move(*topic)});
}

caf::result<topics_put> broker_state::handle(const change_topics& order) {
    if (const auto legal = check_list_size("topics", order.changes.size()); !legal)
        return make_caf_error(legal.failure());
    std::map<std::string, topic_config> changed;
    for (const auto& change : order.changes) {
        auto topic = changed_topic(change);
        if (!topic)
            return make_caf_error(topic.failure());
        const auto& topic_name = change.topic.name;
        if (auto free = check_unchanging("topic " + topic_name); !free)
            return make_caf_error(free.failure());
        if (!changed.emplace(topic_name, std::move(*topic)).second)
            return make_caf_error(errc::argument_illegal, "topic " + topic_name + " is in the list twice");
    }
    std::erase_if(changed, [this](const auto& entry) {
        const auto* known = topics_->find(entry.first);
        return known != nullptr && *known == entry.second;
    });
    auto promise = self_->make_response_promise<topics_put>();
    const auto one_done = joint_answer(promise, changed.size() + 1);
    for (const auto& entry : changed)
        store_topic(entry.second, one_done);
    one_done({});
    return promise;
}

caf::result<topic_config_found> broker_state::handle(const find_topic_config& order) {
    const auto* topic = topics_->find(order.topic);
    if (topic == nullptr)
        return make_caf_error(errc::topic_not_found, "topic " + order.topic + " does not exist on this broker");
    return topic_config_found{*topic};
}

caf::result<system_topics_listed> broker_state::handle(const list_system_topics&) {
    system_topics_listed listed{{system_topics.begin(), system_topics.end()}};
    listed.names.push_back(setup_.options.cluster);
    listed.names.push_back(reply_topic(setup_.options).name);
    listed.names.push_back(setup_.options.broker_name);
    std::sort(listed.names.begin(), listed.names.end());
    return listed;
}

// ---- groups ---------------------------------------------------------------------------------------------------------

caf::result<groups_put> broker_state::handle(const put_groups& order) {
    if (const auto legal = check_list_size("groups", order.groups.size()); !legal)
        return make_caf_error(legal.failure());
    std::map<std::string, group_config> changed;
    for (const auto& group : order.groups) {
        if (const auto legal = check_group_config(group); !legal)
            return make_caf_error(legal.failure());
        if (auto free = check_unchanging("group " + group.name); !free)
            return make_caf_error(free.failure());
        if (!changed.emplace(group.name, group).second)
            return make_caf_error(errc::argument_illegal, "group " + group.name + " is in the list twice");
    }
    std::erase_if(changed, [this](const auto& entry) {
        const auto known = groups_.find(entry.first);
        return known != groups_.end() && known->second == entry.second;
    });
    auto promise = self_->make_response_promise<groups_put>();
    const auto one_done = joint_answer(promise, changed.size() + 1);
    for (const auto& entry : changed)
        store_group(entry.second, one_done);
    one_done({});
    return promise;
}

caf::result<forbidden_found> broker_state::handle(const query_forbidden& order) {
    if (order.forbid)
        return make_caf_error(errc::not_supported, "this broker cannot forbid a group one topic; to stop group " + order.group +
                                                       " altogether, set consumeEnable of the group to false");
    return forbidden_found{order.group, order.topic, true};
}

// ---- tidying up -----------------------------------------------------------------------------------------------------

caf::result<clean_begun> broker_state::handle(const clean_store& order) {
    if (!order.unused_topics) {
        // The log writer looks between two writes: whoever asks all the time may not keep it from writing.
        if (next_forced_retain_ <= now()) {
            next_forced_retain_ = now() + forced_retain_interval;
            self_->send(setup_.log_writer, retain_tick{});
        }
        return clean_begun{};
    }
    const auto undropped = undropped_;
    for (const auto& topic : undropped) {
        const auto change = change_of_topic(topic);
        if (begin_change(change, true, [](const error&) {}))
            drop_index(topic, change);
    }
    return clean_begun{};
}

} // namespace troupe::actors
