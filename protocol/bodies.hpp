#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// JSON bodies of requests and responses. Encoding writes compact standard JSON (object-keyed maps in fastjson's form,
/// as Java clients need them); decoding accepts what Java, Go and C++ peers write. Every decode fails with protocol_error.
/// Source: RocketMQ's classes of the same bodies, named at each; the dialect is that of RemotingSerializable.
namespace troupe::protocol {

// ---- routes ---------------------------------------------------------------------------------------------------------

/// One broker set: a name, and an address per broker id (RocketMQ: BrokerData).
struct broker_data {
    std::string cluster;
    std::string broker_name;
    std::map<std::int64_t, std::string> addresses; ///< broker id to "ip:port"; 0 is the master
    friend bool operator==(const broker_data&, const broker_data&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_data& x) {
        return f(x.cluster, x.broker_name, x.addresses);
    }
};

/// The queues of one topic on one broker set (RocketMQ: QueueData).
struct queue_data {
    std::string broker_name;
    std::int32_t read_queues = 0;
    std::int32_t write_queues = 0;
    std::int32_t perm = 0;
    std::int32_t sys_flag = 0;
    friend bool operator==(const queue_data&, const queue_data&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, queue_data& x) {
        return f(x.broker_name, x.read_queues, x.write_queues, x.perm, x.sys_flag);
    }
};

/// Where a topic lives (RocketMQ: TopicRouteData).
struct topic_route {
    std::vector<broker_data> brokers;
    std::vector<queue_data> queues;
    friend bool operator==(const topic_route&, const topic_route&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_route& x) {
        return f(x.brokers, x.queues);
    }
};
std::string encode_topic_route(const topic_route& route);
result<topic_route> decode_topic_route(std::string_view json);

/// All brokers (RocketMQ: ClusterInfo).
struct cluster_info {
    std::map<std::string, broker_data> brokers;               ///< by broker name
    std::map<std::string, std::vector<std::string>> clusters; ///< cluster name to broker names
    friend bool operator==(const cluster_info&, const cluster_info&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, cluster_info& x) {
        return f(x.brokers, x.clusters);
    }
};
std::string encode_cluster_info(const cluster_info& info);
result<cluster_info> decode_cluster_info(std::string_view json);

/// Names, for 206 and 300 (RocketMQ: TopicList).
std::string encode_topic_list(const std::vector<std::string>& topics);
result<std::vector<std::string>> decode_topic_list(std::string_view json);

// ---- broker registration --------------------------------------------------------------------------------------------

/// Version of a broker's topic table; a later counter or time stamp is newer (RocketMQ: DataVersion).
struct data_version {
    std::int64_t state_version = 0;
    std::int64_t timestamp_ms = 0;
    std::int64_t counter = 0;
    friend bool operator==(const data_version&, const data_version&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, data_version& x) {
        return f(x.state_version, x.timestamp_ms, x.counter);
    }
};

/// All topics of a broker: body of 103 (inside topicConfigSerializeWrapper) and of the answer to 21.
struct topic_table {
    data_version version;
    std::map<std::string, topic_config> topics;
    friend bool operator==(const topic_table&, const topic_table&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_table& x) {
        return f(x.version, x.topics);
    }
};
std::string encode_register_broker_body(const topic_table& table);
/// Accepts the plain, the bare (frame version under 37) and the zlib form, whose inflated size is bounded.
result<topic_table> decode_register_broker_body(std::string_view body, std::int32_t frame_version);
std::string encode_topic_table(const topic_table& table);
result<topic_table> decode_topic_table(std::string_view json);

struct group_table {
    data_version version;
    std::map<std::string, group_config> groups;
    friend bool operator==(const group_table&, const group_table&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, group_table& x) {
        return f(x.version, x.groups);
    }
};
std::string encode_group_table(const group_table& table);
result<group_table> decode_group_table(std::string_view json);
std::string encode_group_config(const group_config& group);
result<group_config> decode_group_config(std::string_view json);

// ---- clients --------------------------------------------------------------------------------------------------------

enum class message_model : std::uint8_t { broadcasting = 0, clustering = 1 };
enum class consume_type : std::uint8_t { actively = 0, passively = 1, pop = 2 };
enum class consume_from : std::uint8_t { last_offset = 0, first_offset = 4, timestamp = 5 };

struct subscription_data {
    std::string topic;
    std::string expression = "*"; ///< "*", "TagA || TagB" (RocketMQ: subString)
    std::string expression_type = "TAG";
    std::int64_t version = 0;
    friend bool operator==(const subscription_data&, const subscription_data&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, subscription_data& x) {
        return f(x.topic, x.expression, x.expression_type, x.version);
    }
};

struct consumer_data {
    std::string group;
    consume_type type = consume_type::passively;
    message_model model = message_model::clustering;
    consume_from from = consume_from::last_offset;
    std::vector<subscription_data> subscriptions;
    friend bool operator==(const consumer_data&, const consumer_data&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, consumer_data& x) {
        return f(x.group, x.type, x.model, x.from, x.subscriptions);
    }
};

/// Body of 34.
struct heartbeat_data {
    std::string client_id;
    std::vector<std::string> producer_groups;
    std::vector<consumer_data> consumers;
    friend bool operator==(const heartbeat_data&, const heartbeat_data&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, heartbeat_data& x) {
        return f(x.client_id, x.producer_groups, x.consumers);
    }
};
std::string encode_heartbeat(const heartbeat_data& heartbeat);
result<heartbeat_data> decode_heartbeat(std::string_view json);

/// Answer to 38.
std::string encode_consumer_ids(const std::vector<std::string>& ids);
result<std::vector<std::string>> decode_consumer_ids(std::string_view json);

// ---- statistics -----------------------------------------------------------------------------------------------------

/// A queue with its broker, as statistics name it (RocketMQ: MessageQueue).
struct message_queue {
    std::string topic;
    std::string broker_name;
    std::int32_t queue = 0;
    friend auto operator<=>(const message_queue&, const message_queue&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, message_queue& x) {
        return f(x.topic, x.broker_name, x.queue);
    }
};

struct queue_stats {
    std::int64_t min_offset = 0;
    std::int64_t max_offset = 0;
    std::int64_t last_stored_ms = 0;
    friend bool operator==(const queue_stats&, const queue_stats&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, queue_stats& x) {
        return f(x.min_offset, x.max_offset, x.last_stored_ms);
    }
};
/// Answer to 202 (RocketMQ: TopicStatsTable).
using topic_stats = std::map<message_queue, queue_stats>;
std::string encode_topic_stats(const topic_stats& stats);
result<topic_stats> decode_topic_stats(std::string_view json);

struct group_progress {
    std::int64_t broker_offset = 0;
    std::int64_t consumer_offset = 0;
    std::int64_t pull_offset = 0;
    std::int64_t last_stored_ms = 0;
    friend bool operator==(const group_progress&, const group_progress&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, group_progress& x) {
        return f(x.broker_offset, x.consumer_offset, x.pull_offset, x.last_stored_ms);
    }
};
/// Answer to 208 (RocketMQ: ConsumeStats).
struct consume_stats {
    std::map<message_queue, group_progress> queues;
    double consume_tps = 0;
    friend bool operator==(const consume_stats&, const consume_stats&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, consume_stats& x) {
        return f(x.queues, x.consume_tps);
    }
};
std::string encode_consume_stats(const consume_stats& stats);
result<consume_stats> decode_consume_stats(std::string_view json);

/// Answer to 28 (RocketMQ: KVTable): free text by free name.
using key_value_table = std::map<std::string, std::string>;
std::string encode_key_value_table(const key_value_table& table);
result<key_value_table> decode_key_value_table(std::string_view json);

} // namespace troupe::protocol
