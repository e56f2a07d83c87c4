#pragma once

#include <cstdint>

/// Request codes of the wire that code here names, under RocketMQ's names (RocketMQ: RequestCode). Plain numbers, as a frame
/// may carry any. `request_table.hpp` has all of them, with what they mean.
/// docs/reference/requests.md is made from that table.
namespace troupe::protocol::request_code {

// Producers
inline constexpr std::int32_t send_message = 10;
inline constexpr std::int32_t send_message_v2 = 310;
inline constexpr std::int32_t send_batch_message = 320;
inline constexpr std::int32_t end_transaction = 37;
inline constexpr std::int32_t send_reply_message = 324;
inline constexpr std::int32_t send_reply_message_v2 = 325;

inline constexpr std::int32_t recall_message = 370;

// Consumers
inline constexpr std::int32_t pull_message = 11;
inline constexpr std::int32_t query_consumer_offset = 14;
inline constexpr std::int32_t update_consumer_offset = 15;
inline constexpr std::int32_t search_offset_by_timestamp = 29;
inline constexpr std::int32_t get_max_offset = 30;
inline constexpr std::int32_t get_min_offset = 31;
inline constexpr std::int32_t get_earliest_msg_storetime = 32;
inline constexpr std::int32_t lite_pull_message = 361;
inline constexpr std::int32_t consumer_send_msg_back = 36;

// Messages, for people and tools
inline constexpr std::int32_t query_message = 12;
inline constexpr std::int32_t view_message_by_id = 33;
inline constexpr std::int32_t query_consume_time_span = 303;
inline constexpr std::int32_t query_consume_queue = 321;

// Clients and their groups
inline constexpr std::int32_t heart_beat = 34;
inline constexpr std::int32_t unregister_client = 35;
inline constexpr std::int32_t get_consumer_list_by_group = 38;
inline constexpr std::int32_t lock_batch_mq = 41;
inline constexpr std::int32_t unlock_batch_mq = 42;
inline constexpr std::int32_t check_client_config = 46;
inline constexpr std::int32_t check_transaction_state = 39;          ///< broker to client, one way
inline constexpr std::int32_t notify_consumer_ids_changed = 40;      ///< broker to client, one way
inline constexpr std::int32_t reset_consumer_client_offset = 220;    ///< broker to client, one way
inline constexpr std::int32_t get_consumer_status_from_client = 221; ///< broker to client
inline constexpr std::int32_t get_consumer_running_info = 307;       ///< tool to broker to client
inline constexpr std::int32_t consume_message_directly = 309;        ///< tool to broker to client
inline constexpr std::int32_t push_reply_message_to_client = 326;    ///< broker to client

// Administration of a broker
inline constexpr std::int32_t update_and_create_topic = 17;
inline constexpr std::int32_t get_all_topic_config = 21;
inline constexpr std::int32_t get_broker_runtime_info = 28;
inline constexpr std::int32_t resume_check_half_message = 323;
inline constexpr std::int32_t update_and_create_subscription_group = 200;
inline constexpr std::int32_t get_all_subscription_group_config = 201;
inline constexpr std::int32_t get_topic_stats_info = 202;
inline constexpr std::int32_t delete_subscription_group = 207;
inline constexpr std::int32_t get_consume_stats = 208;
inline constexpr std::int32_t delete_topic_in_broker = 215;
inline constexpr std::int32_t get_consumer_connection_list = 203;
inline constexpr std::int32_t get_producer_connection_list = 204;
inline constexpr std::int32_t invoke_broker_to_reset_offset = 222;
inline constexpr std::int32_t invoke_broker_to_get_consumer_status = 223;
inline constexpr std::int32_t query_topic_consume_by_who = 300;
inline constexpr std::int32_t clone_group_offset = 314;
inline constexpr std::int32_t get_all_producer_info = 328;
inline constexpr std::int32_t query_topics_by_consumer = 343;
inline constexpr std::int32_t query_subscription_by_consumer = 345;
inline constexpr std::int32_t get_subscription_group_config = 352;
inline constexpr std::int32_t update_and_create_topic_list = 18;
inline constexpr std::int32_t update_broker_config = 25;
inline constexpr std::int32_t get_broker_config = 26;
inline constexpr std::int32_t update_and_create_subscription_group_list = 225;
inline constexpr std::int32_t get_system_topic_list_from_broker = 305;
inline constexpr std::int32_t clean_expired_consumequeue = 306;
inline constexpr std::int32_t view_broker_stats_data = 315;
inline constexpr std::int32_t clean_unused_topic = 316;
inline constexpr std::int32_t get_broker_consume_stats = 317;
inline constexpr std::int32_t delete_expired_commitlog = 329;
inline constexpr std::int32_t get_topic_config = 351;
inline constexpr std::int32_t update_and_get_group_forbidden = 353;
inline constexpr std::int32_t query_assignment = 400;
inline constexpr std::int32_t set_message_request_mode = 401;
inline constexpr std::int32_t get_all_message_request_mode = 402;

// Pop consumers
inline constexpr std::int32_t pop_message = 200'050;
inline constexpr std::int32_t ack_message = 200'051;
inline constexpr std::int32_t peek_message = 200'052;
inline constexpr std::int32_t change_message_invisible_time = 200'053;
inline constexpr std::int32_t notification = 200'054;
inline constexpr std::int32_t polling_info = 200'055;
inline constexpr std::int32_t batch_ack_message = 200'151;

// Troupe's own: numbers that RocketMQ does not use
inline constexpr std::int32_t troupe_list_transactions = 70'001;
inline constexpr std::int32_t troupe_list_timers = 70'011;
inline constexpr std::int32_t troupe_find_timer = 70'012;
inline constexpr std::int32_t troupe_cancel_timer = 70'013;
inline constexpr std::int32_t troupe_list_members = 70'021;
inline constexpr std::int32_t troupe_list_dead_letters = 70'031;
inline constexpr std::int32_t troupe_read_queue = 70'032;
inline constexpr std::int32_t troupe_resend_dead_letters = 70'033;
inline constexpr std::int32_t troupe_trace_message = 70'041;
inline constexpr std::int32_t troupe_list_lags = 70'051;

// Name server
inline constexpr std::int32_t register_broker = 103;
inline constexpr std::int32_t unregister_broker = 104;
inline constexpr std::int32_t get_routeinfo_by_topic = 105;
inline constexpr std::int32_t get_broker_cluster_info = 106;
inline constexpr std::int32_t get_all_topic_list_from_nameserver = 206;
inline constexpr std::int32_t delete_topic_in_namesrv = 216;
inline constexpr std::int32_t broker_heartbeat = 904;

// Administration of a name server
inline constexpr std::int32_t put_kv_config = 100;
inline constexpr std::int32_t get_kv_config = 101;
inline constexpr std::int32_t delete_kv_config = 102;
inline constexpr std::int32_t wipe_write_perm_of_broker = 205;
inline constexpr std::int32_t register_topic_in_namesrv = 217;
inline constexpr std::int32_t get_kvlist_by_namespace = 219;
inline constexpr std::int32_t get_topics_by_cluster = 224;
inline constexpr std::int32_t get_system_topic_list_from_ns = 304;
inline constexpr std::int32_t get_unit_topic_list = 311;
inline constexpr std::int32_t get_has_unit_sub_topic_list = 312;
inline constexpr std::int32_t get_has_unit_sub_ununit_topic_list = 313;
inline constexpr std::int32_t update_namesrv_config = 318;
inline constexpr std::int32_t get_namesrv_config = 319;
inline constexpr std::int32_t query_data_version = 322;
inline constexpr std::int32_t add_write_perm_of_broker = 327;
inline constexpr std::int32_t get_broker_member_group = 901;

} // namespace troupe::protocol::request_code
