#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_settings.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

const request_handlers& settings_handlers() {
    static const request_handlers all{
        {code::get_broker_consume_stats, ask_broker_admin<describe_consumption, consumption_described>},
        {code::update_and_get_group_forbidden, ask_broker_admin<query_forbidden, forbidden_found>},
        {code::query_assignment, ask_broker_admin<query_assignment, assignment_found>},
        {code::set_message_request_mode, ask_broker_admin<set_request_mode, request_mode_set>},
        {code::get_all_message_request_mode, ask_broker_admin<list_request_modes, request_modes_listed>},
        {code::clean_expired_consumequeue, ask_broker_admin<clean_store, clean_begun>},
        {code::clean_unused_topic, ask_broker_admin<clean_store, clean_begun>},
        {code::delete_expired_commitlog, ask_broker_admin<clean_store, clean_begun>},
        {code::view_broker_stats_data, ask_broker_admin<view_statistics, statistics_viewed>},
        {code::get_broker_config, ask_broker_admin<list_broker_config, broker_config_listed>},
        {code::update_broker_config, ask_broker_admin<change_broker_config, broker_config_changed>},
    };
    return all;
}

} // namespace troupe::actors::net
