#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe {

/// Permission bits of a topic (RocketMQ: PermName).
namespace permission {
inline constexpr std::int32_t inherit = 1;
inline constexpr std::int32_t write = 2;
inline constexpr std::int32_t read = 4;
inline constexpr std::int32_t read_write = read | write;
} // namespace permission

/// What a broker knows of a topic (RocketMQ: TopicConfig).
struct topic_config {
    std::string name;
    std::int32_t read_queues = 8;
    std::int32_t write_queues = 8;
    std::int32_t perm = permission::read_write;
    std::int32_t sys_flag = 0;
    bool order = false;
    std::map<std::string, std::string> attributes;

    friend bool operator==(const topic_config&, const topic_config&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, topic_config& x) {
        return f(x.name, x.read_queues, x.write_queues, x.perm, x.sys_flag, x.order, x.attributes);
    }
};

/// How long a group's failed messages wait for their next try when their consumer does not say (RocketMQ: GroupRetryPolicy).
struct retry_policy {
    bool is_exponential = false;
    std::vector<std::int64_t> delays_ms; ///< otherwise: one after the other, the last again and again; empty: the broker's delay levels
    bool has_growth = false;         ///< exponential: as below; without: the broker's delay levels, as of a broker that knows no policies
    std::int64_t initial_ms = 5'000; ///< `initial_ms`, then `multiplier` times as long each time, up to `max_ms`
    std::int64_t max_ms = 7'200'000;
    std::int64_t multiplier = 2;

    friend bool operator==(const retry_policy&, const retry_policy&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, retry_policy& x) {
        return f(x.is_exponential, x.delays_ms, x.has_growth, x.initial_ms, x.max_ms, x.multiplier);
    }
};

/// What a broker knows of a consumer group (RocketMQ: SubscriptionGroupConfig). What says "label" changes nothing here, as in RocketMQ's
/// broker: it is kept for tools and clients that ask.
struct group_config {
    std::string name;
    bool consume_enable = true;
    bool consume_broadcast_enable = true;
    std::int32_t retry_queues = 1;
    std::int32_t retry_max = 16;
    std::int64_t deliver_messages = 0;         ///< handed to the group in a second by each broker, at most; 0: without limit
    bool consume_from_min_enable = true;       ///< label
    bool consume_message_orderly = false;      ///< label
    std::int64_t read_broker_id = 0;           ///< label: there are no slaves to read from yet (RocketMQ: brokerId)
    std::int64_t slow_read_broker_id = 1;      ///< label, likewise (RocketMQ: whichBrokerWhenConsumeSlowly)
    bool notify_members_changed = true;        ///< members are told when others join and leave (code 40); always when a connection ends
    std::int32_t sys_flag = 0;                 ///< label
    std::int32_t consume_timeout_minutes = 15; ///< label
    retry_policy retries = {};
    std::map<std::string, std::string> unknown_attributes = {}; ///< the first of other brokers'; this one stores none

    friend bool operator==(const group_config&, const group_config&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, group_config& x) {
        return f(x.name, x.consume_enable, x.consume_broadcast_enable, x.retry_queues, x.retry_max, x.deliver_messages,
                 x.consume_from_min_enable, x.consume_message_orderly, x.read_broker_id, x.slow_read_broker_id, x.notify_members_changed,
                 x.sys_flag, x.consume_timeout_minutes, x.retries, x.unknown_attributes);
    }
};

/// How the clients of a group take messages of a topic (RocketMQ: MessageRequestMode).
struct request_mode {
    std::string topic;
    std::string group;
    bool is_pop = false;
    std::int32_t share_queues = 0; ///< pop: how many other clients share a queue; 0 or less: everybody (RocketMQ: popShareQueueNum)

    friend bool operator==(const request_mode&, const request_mode&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, request_mode& x) {
        return f(x.topic, x.group, x.is_pop, x.share_queues);
    }
};

} // namespace troupe
