#pragma once

#include "protocol/bodies.hpp"
#include "protocol/topic_attributes.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// JSON bodies that only tools exchange with a broker. The same rules as in bodies.hpp.
/// Source: RocketMQ's classes in remoting/protocol/body, named at each.
namespace troupe::protocol {

// ---- topics and groups ----------------------------------------------------------------------------------------------

/// A topic, and how its attributes change: `topic.attributes` is not used.
struct topic_change {
    topic_config topic;
    std::vector<attribute_change> attributes;
    friend bool operator==(const topic_change&, const topic_change&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_change& x) {
        return f(x.topic, x.attributes);
    }
};
/// Topics or groups of one list. Each becomes a change that waits for the disk, and half of what may wait there is for others.
inline constexpr std::size_t list_entries_max = limits::changes_per_broker_max / 2;

/// Body of 18. Fails with protocol_error, also for attributes without '+' or '-' before their name and beyond list_entries_max.
std::string encode_topic_changes(const std::vector<topic_change>& changes);
result<std::vector<topic_change>> decode_topic_changes(std::string_view json);

/// Answer to 351.
std::string encode_topic_config(const topic_config& topic);
result<topic_config> decode_topic_config(std::string_view json);

/// Body of 225. Fails with protocol_error, also beyond list_entries_max.
std::string encode_group_list(const std::vector<group_config>& groups);
result<std::vector<group_config>> decode_group_list(std::string_view json);

/// Answer to 353.
std::string encode_group_forbidden(const std::string& group, const std::string& topic, bool readable);

/// Body of 401 (RocketMQ: SetMessageRequestModeRequestBody).
struct message_request_mode {
    std::string topic;
    std::string group;
    std::string mode = "PULL"; ///< or "POP"
    std::int32_t pop_share_queues = 0;
    friend bool operator==(const message_request_mode&, const message_request_mode&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, message_request_mode& x) {
        return f(x.topic, x.group, x.mode, x.pop_share_queues);
    }
};
std::string encode_message_request_mode(const message_request_mode& mode);
result<message_request_mode> decode_message_request_mode(std::string_view json);
/// Answer to 402: the modes that were set, by topic and group.
std::string encode_message_request_modes(const std::vector<message_request_mode>& modes);

// ---- statistics -----------------------------------------------------------------------------------------------------

/// As encode_topic_stats, with messages a second.
std::string encode_topic_stats(const topic_stats& stats, double put_tps);

/// What one counter did in a window of time.
struct window_statistics {
    std::int64_t sum = 0;
    double tps = 0;     ///< sum a second
    double average = 0; ///< sum per time it was counted up
    friend bool operator==(const window_statistics&, const window_statistics&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, window_statistics& x) {
        return f(x.sum, x.tps, x.average);
    }
};
/// Answer to 315 (RocketMQ: BrokerStatsData).
struct counter_statistics {
    window_statistics minute;
    window_statistics hour;
    window_statistics day;
    friend bool operator==(const counter_statistics&, const counter_statistics&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, counter_statistics& x) {
        return f(x.minute, x.hour, x.day);
    }
};
std::string encode_counter_statistics(const counter_statistics& statistics);
result<counter_statistics> decode_counter_statistics(std::string_view json);

/// Answer to 317 (RocketMQ: ConsumeStatsList): per group the progress in each of its topics.
struct broker_consume_stats {
    std::string broker_address;
    std::map<std::string, std::vector<consume_stats>> groups;
    std::int64_t total_diff = 0;          ///< messages not yet consumed
    std::int64_t total_inflight_diff = 0; ///< of those, the ones that are with consumers
    friend bool operator==(const broker_consume_stats&, const broker_consume_stats&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_consume_stats& x) {
        return f(x.broker_address, x.groups, x.total_diff, x.total_inflight_diff);
    }
};
std::string encode_broker_consume_stats(const broker_consume_stats& stats);
result<broker_consume_stats> decode_broker_consume_stats(std::string_view json);

// ---- settings -------------------------------------------------------------------------------------------------------

/// The header field `version` of the answer to 26.
std::string encode_data_version(const data_version& version);

} // namespace troupe::protocol
