#pragma once

#include "protocol/bodies.hpp"
#include "protocol/remoting_command.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// JSON bodies about connected clients and the offsets of their groups. Rules and failures as in `bodies.hpp`.
/// Source: RocketMQ's ConsumerConnection, ProducerConnection, ResetOffsetBody, GetConsumerStatusBody.
namespace troupe::protocol {

// ---- heartbeats -----------------------------------------------------------------------------------------------------

/// A heartbeat (34) with what its second version adds.
struct versioned_heartbeat {
    heartbeat_data data;
    std::int32_t fingerprint = 0;       ///< of what the client subscribes to; 0: first version
    bool without_subscriptions = false; ///< short form: subscriptions are left out, and are as they were
    friend bool operator==(const versioned_heartbeat&, const versioned_heartbeat&) = default;
};
std::string encode_versioned_heartbeat(const versioned_heartbeat& heartbeat);
result<versioned_heartbeat> decode_versioned_heartbeat(std::string_view json);

// ---- connections ----------------------------------------------------------------------------------------------------

/// "JAVA", "CPP", ...; "OTHER" for a number that has no name.
std::string_view language_name(language code);

/// One client as tools show it (RocketMQ: Connection).
struct client_connection {
    std::string client_id;
    std::string address; ///< "ip:port"
    language from = language::java;
    std::int32_t version = 0; ///< the number its frames carry
    friend bool operator==(const client_connection&, const client_connection&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, client_connection& x) {
        return f(x.client_id, x.address, x.from, x.version);
    }
};

/// Answer to 203 (RocketMQ: ConsumerConnection).
struct consumer_connections {
    std::vector<client_connection> connections;
    std::map<std::string, subscription_data> subscriptions; ///< by topic
    consume_type type = consume_type::passively;
    message_model model = message_model::clustering;
    consume_from from = consume_from::last_offset;
    friend bool operator==(const consumer_connections&, const consumer_connections&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, consumer_connections& x) {
        return f(x.connections, x.subscriptions, x.type, x.model, x.from);
    }
};
std::string encode_consumer_connections(const consumer_connections& consumers);
result<consumer_connections> decode_consumer_connections(std::string_view json);

/// Answer to 204 (RocketMQ: ProducerConnection).
std::string encode_producer_connections(const std::vector<client_connection>& connections);
result<std::vector<client_connection>> decode_producer_connections(std::string_view json);

/// One producer in the answer to 328 (RocketMQ: ProducerInfo).
struct producer_info {
    client_connection connection;
    std::int64_t last_heartbeat_ms = 0;
    friend bool operator==(const producer_info&, const producer_info&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, producer_info& x) {
        return f(x.connection, x.last_heartbeat_ms);
    }
};
/// Answer to 328 (RocketMQ: ProducerTableInfo), by group. Addresses have Java's leading slash on the wire only.
using producer_table = std::map<std::string, std::vector<producer_info>>;
std::string encode_producer_table(const producer_table& table);
result<producer_table> decode_producer_table(std::string_view json);

// ---- who reads what -------------------------------------------------------------------------------------------------

/// Answer to 300 (RocketMQ: GroupList).
std::string encode_group_names(const std::vector<std::string>& groups);
result<std::vector<std::string>> decode_group_names(std::string_view json);

/// Answer to 343 (RocketMQ: TopicList with its address); decode_topic_list reads the names.
std::string encode_topics_of_broker(const std::vector<std::string>& topics, std::string_view broker_address);

/// Answer to 345 (RocketMQ: QuerySubscriptionResponseBody).
struct group_subscription {
    std::string group;
    std::string topic;
    std::optional<subscription_data> subscription; ///< none: the group does not subscribe to the topic
    friend bool operator==(const group_subscription&, const group_subscription&) = default;
};
std::string encode_group_subscription(const group_subscription& found);
result<group_subscription> decode_group_subscription(std::string_view json);

// ---- offsets --------------------------------------------------------------------------------------------------------

using queue_offsets = std::map<message_queue, std::int64_t>;

/// Answer to 222, and what 220 has (RocketMQ: ResetOffsetBody). As a list it is understood, too (ResetOffsetBodyForC).
std::string encode_reset_offsets(const queue_offsets& offsets);
result<queue_offsets> decode_reset_offsets(std::string_view json);

/// How far clients have read, by client id: answer to 223. A client's own answer to 221 has its offsets without an id, in
/// `own` (RocketMQ: GetConsumerStatusBody).
struct consumer_status {
    std::map<std::string, queue_offsets> clients;
    queue_offsets own;
    friend bool operator==(const consumer_status&, const consumer_status&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, consumer_status& x) {
        return f(x.clients, x.own);
    }
};
std::string encode_consumer_status(const consumer_status& status);
result<consumer_status> decode_consumer_status(std::string_view json);

} // namespace troupe::protocol
