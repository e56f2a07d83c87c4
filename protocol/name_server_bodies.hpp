#pragma once

#include "protocol/bodies.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// JSON bodies that a name server exchanges with brokers and tools only, and what it keeps on disk. The same rules as in
/// bodies.hpp. Source: RocketMQ's RegisterBrokerBody, KVTable, kvConfig.json.
namespace troupe::protocol {

/// As encode_topic_route, with the member `orderTopicConf` unless it is empty: "broker-a:4;broker-b:4", the queues that a
/// client may use to keep the order of messages.
std::string encode_topic_route(const topic_route& route, const std::string& order_topic_conf);

/// Answer to 304: names, and the address of some broker unless it is empty.
std::string encode_topic_list(const std::vector<std::string>& topics, const std::string& broker_address);

/// Answer to 901 (RocketMQ: BrokerMemberGroup): the addresses of one broker set, none if it is not known.
std::string encode_broker_members(const broker_data& members);
result<broker_data> decode_broker_members(std::string_view json);

/// Body of 322; encode_data_version writes it, and its answer.
result<data_version> decode_data_version(std::string_view json);

/// All of a name server's KV config: the keys of each namespace.
using kv_namespaces = std::map<std::string, key_value_table>;
/// The content of kvConfig.json (RocketMQ: KVConfigSerializeWrapper), which RocketMQ's name server can read, too.
std::string encode_kv_namespaces(const kv_namespaces& namespaces);
result<kv_namespaces> decode_kv_namespaces(std::string_view json);

} // namespace troupe::protocol
