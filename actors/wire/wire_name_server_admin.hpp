#pragma once

#include "actors/messages/name_server_admin.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for what RocketMQ's brokers and tools ask of a name server: requests are decoded and answers encoded, never the
/// other way round.
namespace troupe::actors::net {

template <>
result<announce_broker> decode_request(const protocol::remoting_command& command);
template <>
result<describe_route> decode_request(const protocol::remoting_command& command);
template <>
result<drop_route> decode_request(const protocol::remoting_command& command);
template <>
result<add_route> decode_request(const protocol::remoting_command& command);
template <>
result<change_write_perm> decode_request(const protocol::remoting_command& command);
template <>
result<query_version> decode_request(const protocol::remoting_command& command);
template <>
result<find_broker_members> decode_request(const protocol::remoting_command& command);
template <>
result<list_filtered_topics> decode_request(const protocol::remoting_command& command);
template <>
result<list_cluster_topics> decode_request(const protocol::remoting_command& command);
template <>
result<list_name_topics> decode_request(const protocol::remoting_command& command);
template <>
result<put_kv_config> decode_request(const protocol::remoting_command& command);
template <>
result<delete_kv_config> decode_request(const protocol::remoting_command& command);
template <>
result<find_kv_config> decode_request(const protocol::remoting_command& command);
template <>
result<list_kv_config> decode_request(const protocol::remoting_command& command);
template <>
result<list_name_server_config> decode_request(const protocol::remoting_command& command);
template <>
result<change_name_server_config> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const broker_announced& answer);
template <>
protocol::remoting_command encode_answer(const route_described& answer);
template <>
protocol::remoting_command encode_answer(const route_added& answer);
template <>
protocol::remoting_command encode_answer(const write_perm_changed& answer);
template <>
protocol::remoting_command encode_answer(const version_found& answer);
template <>
protocol::remoting_command encode_answer(const broker_members_found& answer);
template <>
protocol::remoting_command encode_answer(const topics_found& answer);
template <>
protocol::remoting_command encode_answer(const name_topics_listed& answer);
template <>
protocol::remoting_command encode_answer(const kv_config_changed& answer);
template <>
protocol::remoting_command encode_answer(const kv_config_found& answer);
template <>
protocol::remoting_command encode_answer(const kv_config_listed& answer);
template <>
protocol::remoting_command encode_answer(const name_server_config_listed& answer);
template <>
protocol::remoting_command encode_answer(const name_server_config_changed& answer);

} // namespace troupe::actors::net
