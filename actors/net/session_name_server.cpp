#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_name_server_admin.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

template <>
void complete(session_pointer self, announce_broker& order) {
    order.registration.session = session_actor{self};
}

namespace {

template <class Order, class Answer>
void ask_name_server(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.name_server, command);
}

template <class Order, class Answer>
void ask_name_server_admin(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.name_server_admin, command);
}

} // namespace

const request_handlers& name_server_handlers() {
    static const request_handlers all{
        {code::unregister_broker, ask_name_server<unregister_broker, broker_unregistered>},
        {code::broker_heartbeat, ask_name_server<broker_heartbeat, broker_registered>},
        {code::get_broker_cluster_info, ask_name_server<describe_cluster, cluster_described>},
        {code::get_all_topic_list_from_nameserver, ask_name_server<list_all_topics, all_topics>},
    };
    return all;
}

const request_handlers& name_server_admin_handlers() {
    static const request_handlers all{
        {code::register_broker, ask_name_server_admin<announce_broker, broker_announced>},
        {code::get_routeinfo_by_topic, ask_name_server_admin<describe_route, route_described>},
        {code::delete_topic_in_namesrv, ask_name_server_admin<drop_route, route_forgotten>},
        {code::register_topic_in_namesrv, ask_name_server_admin<add_route, route_added>},
        {code::wipe_write_perm_of_broker, ask_name_server_admin<change_write_perm, write_perm_changed>},
        {code::add_write_perm_of_broker, ask_name_server_admin<change_write_perm, write_perm_changed>},
        {code::query_data_version, ask_name_server_admin<query_version, version_found>},
        {code::get_broker_member_group, ask_name_server_admin<find_broker_members, broker_members_found>},
        {code::get_unit_topic_list, ask_name_server_admin<list_filtered_topics, topics_found>},
        {code::get_has_unit_sub_topic_list, ask_name_server_admin<list_filtered_topics, topics_found>},
        {code::get_has_unit_sub_ununit_topic_list, ask_name_server_admin<list_filtered_topics, topics_found>},
        {code::get_topics_by_cluster, ask_name_server_admin<list_cluster_topics, topics_found>},
        {code::get_system_topic_list_from_ns, ask_name_server_admin<list_name_topics, name_topics_listed>},
        {code::put_kv_config, ask_name_server_admin<put_kv_config, kv_config_changed>},
        {code::get_kv_config, ask_name_server_admin<find_kv_config, kv_config_found>},
        {code::delete_kv_config, ask_name_server_admin<delete_kv_config, kv_config_changed>},
        {code::get_kvlist_by_namespace, ask_name_server_admin<list_kv_config, kv_config_listed>},
        {code::get_namesrv_config, ask_name_server_admin<list_name_server_config, name_server_config_listed>},
        {code::update_namesrv_config, ask_name_server_admin<change_name_server_config, name_server_config_changed>},
    };
    return all;
}

} // namespace troupe::actors::net
