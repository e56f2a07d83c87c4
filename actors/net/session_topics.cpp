#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_settings.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

const request_handlers& topic_handlers() {
    static const request_handlers all{
        {code::update_and_create_topic, ask_broker_admin<change_topic, topic_put>},
        {code::delete_topic_in_broker, ask_broker<delete_topic, topic_deleted>},
        {code::get_all_topic_config, ask_broker<list_topics, topics_listed>},
        {code::get_topic_stats_info, ask_broker_admin<describe_topic_state, topic_state_described>},
        {code::update_and_create_subscription_group, ask_broker<put_group, group_put>},
        {code::delete_subscription_group, ask_broker<delete_group, group_deleted>},
        {code::get_all_subscription_group_config, ask_broker<list_groups, groups_listed>},
        {code::get_consume_stats, ask_broker_admin<describe_group_state, group_described>},
        {code::get_broker_runtime_info, ask_broker<describe_broker, broker_described>},
        {code::get_subscription_group_config, ask_broker_admin<find_group_config, group_config_found>},
        {code::update_and_create_topic_list, ask_broker_admin<change_topics, topics_put>},
        {code::get_topic_config, ask_broker_admin<find_topic_config, topic_config_found>},
        {code::get_system_topic_list_from_broker, ask_broker_admin<list_system_topics, system_topics_listed>},
        {code::update_and_create_subscription_group_list, ask_broker_admin<put_groups, groups_put>},
    };
    return all;
}

} // namespace troupe::actors::net
