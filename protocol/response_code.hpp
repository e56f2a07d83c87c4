#pragma once

#include "protocol/vocabulary/errc.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Response codes of the wire, under RocketMQ's names (RocketMQ: ResponseCode), and what they are among our own errors.
/// Source: RocketMQ's RemotingSysResponseCode, ResponseCode.
namespace troupe::protocol {

namespace response_code {
inline constexpr std::int32_t success = 0;
inline constexpr std::int32_t system_error = 1;
inline constexpr std::int32_t system_busy = 2;
inline constexpr std::int32_t request_code_not_supported = 3;
inline constexpr std::int32_t transaction_failed = 4;
inline constexpr std::int32_t flush_disk_timeout = 10;
inline constexpr std::int32_t slave_not_available = 11;
inline constexpr std::int32_t flush_slave_timeout = 12;
inline constexpr std::int32_t message_illegal = 13;
inline constexpr std::int32_t service_not_available = 14;
inline constexpr std::int32_t version_not_supported = 15;
inline constexpr std::int32_t no_permission = 16;
inline constexpr std::int32_t topic_not_exist = 17;
inline constexpr std::int32_t topic_exist_already = 18;
inline constexpr std::int32_t pull_not_found = 19;
inline constexpr std::int32_t pull_retry_immediately = 20;
inline constexpr std::int32_t pull_offset_moved = 21;
inline constexpr std::int32_t query_not_found = 22;
inline constexpr std::int32_t subscription_parse_failed = 23;
inline constexpr std::int32_t subscription_not_exist = 24;
inline constexpr std::int32_t subscription_not_latest = 25;
inline constexpr std::int32_t subscription_group_not_exist = 26;
inline constexpr std::int32_t filter_data_not_exist = 27;
inline constexpr std::int32_t filter_data_not_latest = 28;
inline constexpr std::int32_t invalid_parameter = 29;
inline constexpr std::int32_t transaction_should_commit = 200;
inline constexpr std::int32_t transaction_should_rollback = 201;
inline constexpr std::int32_t transaction_state_unknow = 202;
inline constexpr std::int32_t transaction_state_group_wrong = 203;
inline constexpr std::int32_t no_buyer_id = 204;
inline constexpr std::int32_t not_in_current_unit = 205;
inline constexpr std::int32_t consumer_not_online = 206;
inline constexpr std::int32_t consume_msg_timeout = 207;
inline constexpr std::int32_t no_message = 208;
inline constexpr std::int32_t polling_full = 209;
inline constexpr std::int32_t polling_timeout = 210;
inline constexpr std::int32_t broker_not_exist = 211;
inline constexpr std::int32_t broker_dispatch_not_complete = 212;
inline constexpr std::int32_t broadcast_consumption = 213;
inline constexpr std::int32_t flow_control = 215;
inline constexpr std::int32_t not_leader_for_queue = 501;
inline constexpr std::int32_t illegal_operation = 604;
inline constexpr std::int32_t go_away = 1500;
inline constexpr std::int32_t user_not_exist = 3001;
inline constexpr std::int32_t policy_not_exist = 3002;
} // namespace response_code

/// The code a client gets for a failure of this kind.
std::int32_t to_response_code(errc code);
/// The remark that goes with it: the kind by name, then the text, so that our own clients lose nothing.
std::string to_remark(const error& failure);

/// The kind of failure a peer means: the one its remark names, if that fits the code, else the nearest one. none for
/// success. The stored-but-not-safe answers 10, 11 and 12 are timed_out.
errc to_errc(std::int32_t code, std::string_view remark);
/// The same with the remark's text.
error to_error(std::int32_t code, std::string_view remark);

} // namespace troupe::protocol
