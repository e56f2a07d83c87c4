#include "protocol/request_code.hpp"

namespace troupe::protocol::request_code {

std::string_view name(std::int32_t code) {
    switch (code) {
    case send_message: return "send_message";
    case send_message_v2: return "send_message_v2";
    case send_batch_message: return "send_batch_message";
    case pull_message: return "pull_message";
    case query_consumer_offset: return "query_consumer_offset";
    case update_consumer_offset: return "update_consumer_offset";
    case search_offset_by_timestamp: return "search_offset_by_timestamp";
    case get_max_offset: return "get_max_offset";
    case get_min_offset: return "get_min_offset";
    case get_earliest_msg_storetime: return "get_earliest_msg_storetime";
    case lite_pull_message: return "lite_pull_message";
    case heart_beat: return "heart_beat";
    case unregister_client: return "unregister_client";
    case get_consumer_list_by_group: return "get_consumer_list_by_group";
    case notify_consumer_ids_changed: return "notify_consumer_ids_changed";
    case update_and_create_topic: return "update_and_create_topic";
    case get_all_topic_config: return "get_all_topic_config";
    case get_broker_runtime_info: return "get_broker_runtime_info";
    case update_and_create_subscription_group: return "update_and_create_subscription_group";
    case get_all_subscription_group_config: return "get_all_subscription_group_config";
    case get_topic_stats_info: return "get_topic_stats_info";
    case delete_subscription_group: return "delete_subscription_group";
    case get_consume_stats: return "get_consume_stats";
    case delete_topic_in_broker: return "delete_topic_in_broker";
    case query_topic_consume_by_who: return "query_topic_consume_by_who";
    case get_subscription_group_config: return "get_subscription_group_config";
    case register_broker: return "register_broker";
    case unregister_broker: return "unregister_broker";
    case get_routeinfo_by_topic: return "get_routeinfo_by_topic";
    case get_broker_cluster_info: return "get_broker_cluster_info";
    case get_all_topic_list_from_nameserver: return "get_all_topic_list_from_nameserver";
    case delete_topic_in_namesrv: return "delete_topic_in_namesrv";
    case broker_heartbeat: return "broker_heartbeat";
    default: return "unknown";
    }
}

} // namespace troupe::protocol::request_code
