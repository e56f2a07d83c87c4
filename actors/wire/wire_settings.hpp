#pragma once

#include "actors/messages/admin_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire_broker_admin.hpp` for topics, groups, statistics and settings.
namespace troupe::actors::net {

template <>
result<change_topic> decode_request(const protocol::remoting_command& command);
template <>
result<change_topics> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const topics_put& answer);
template <>
result<find_topic_config> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const topic_config_found& answer);
template <>
result<list_system_topics> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const system_topics_listed& answer);
template <>
result<describe_topic_state> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const topic_state_described& answer);
template <>
result<put_groups> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const groups_put& answer);
template <>
result<describe_group_state> decode_request(const protocol::remoting_command& command);
template <>
result<describe_consumption> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const consumption_described& answer);
template <>
result<query_forbidden> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const forbidden_found& answer);
template <>
result<set_request_mode> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const request_mode_set& answer);
template <>
result<query_assignment> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const assignment_found& answer);
template <>
result<list_request_modes> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const request_modes_listed& answer);
template <>
result<clean_store> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const clean_begun& answer);
template <>
result<view_statistics> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const statistics_viewed& answer);
template <>
result<list_broker_config> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const broker_config_listed& answer);
template <>
result<change_broker_config> decode_request(const protocol::remoting_command& command);
template <>
protocol::remoting_command encode_answer(const broker_config_changed& answer);

} // namespace troupe::actors::net
