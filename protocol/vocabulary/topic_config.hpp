#pragma once

#include <cstdint>
#include <map>
#include <string>

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

/// What a broker knows of a consumer group (RocketMQ: SubscriptionGroupConfig).
struct group_config {
    std::string name;
    bool consume_enable = true;
    bool consume_broadcast_enable = true;
    std::int32_t retry_queues = 1;
    std::int32_t retry_max = 16;
    std::int64_t deliver_messages = 0; ///< handed to the group in a second by each broker, at most; 0: without limit

    friend bool operator==(const group_config&, const group_config&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, group_config& x) {
        return f(x.name, x.consume_enable, x.consume_broadcast_enable, x.retry_queues, x.retry_max, x.deliver_messages);
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
