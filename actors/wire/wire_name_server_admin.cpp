#include "actors/wire/wire_name_server_admin.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/admin_bodies.hpp"
#include "protocol/request_code.hpp"

/// Fields: those of RocketMQ's name server, DefaultRequestProcessor.
namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

// ---- brokers and routes ---------------------------------------------------------------------------------------------

template <>
result<announce_broker> decode_request(const remoting_command& command) {
    auto registration = decode_request<register_broker>(command);
    if (!registration)
        return registration.failure();
    field_reader in{command};
    announce_broker order;
    order.registration = std::move(*registration);
    order.ha_address = in.text_or("haServerAddr");
    order.is_acting_known = command.fields.find("enableActingMaster") != nullptr;
    order.acting_master = in.boolean_or("enableActingMaster", false);
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const broker_announced& answer) {
    remoting_command command;
    if (!answer.ha_address.empty())
        command.fields.set("haServerAddr", answer.ha_address);
    if (!answer.master_address.empty())
        command.fields.set("masterAddr", answer.master_address);
    if (answer.has_order_topics)
        command.body = payload{protocol::encode_key_value_table(answer.order_topics)};
    return command;
}

template <>
result<describe_route> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(describe_route{in.text("topic")});
}
template <>
remoting_command encode_answer(const route_described& answer) {
    return answer_of(protocol::encode_topic_route(answer.route, answer.order_topic_conf));
}

template <>
result<drop_route> decode_request(const remoting_command& command) {
    field_reader in{command};
    drop_route order;
    order.topic = in.text("topic");
    order.cluster = in.text_or("clusterName");
    return in.finish(std::move(order));
}

template <>
result<add_route> decode_request(const remoting_command& command) {
    field_reader in{command};
    add_route order;
    order.topic = in.text("topic");
    auto route = protocol::decode_topic_route(command.body.view());
    if (!route)
        return route.failure();
    order.queues = std::move(route->queues);
    return in.finish(std::move(order));
}

template <>
result<change_write_perm> decode_request(const remoting_command& command) {
    field_reader in{command};
    change_write_perm order;
    order.broker_name = in.text("brokerName");
    order.writable = command.code == code::add_write_perm_of_broker;
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const write_perm_changed& answer) {
    remoting_command command;
    command.fields.set(answer.writable ? "addTopicCount" : "wipeTopicCount", answer.topics);
    return command;
}

/// `brokerName` and `brokerId` say nothing that the address does not.
template <>
result<query_version> decode_request(const remoting_command& command) {
    field_reader in{command};
    query_version order;
    order.cluster = in.text("clusterName");
    order.address = in.text("brokerAddr");
    auto version = protocol::decode_data_version(command.body.view());
    if (!version)
        return version.failure();
    order.version = *version;
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const version_found& answer) {
    remoting_command command;
    command.fields.set("changed", text_of(answer.changed));
    if (answer.is_known)
        command.body = payload{protocol::encode_data_version(answer.known)};
    return command;
}

template <>
result<find_broker_members> decode_request(const remoting_command& command) {
    field_reader in{command};
    find_broker_members order;
    order.cluster = in.text("clusterName");
    order.broker_name = in.text("brokerName");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const broker_members_found& answer) {
    return answer_of(protocol::encode_broker_members(answer.members));
}

// ---- names ----------------------------------------------------------------------------------------------------------

template <>
result<list_filtered_topics> decode_request(const remoting_command& command) {
    switch (command.code) {
    case code::get_unit_topic_list: return list_filtered_topics{topic_filter::unit};
    case code::get_has_unit_sub_topic_list: return list_filtered_topics{topic_filter::unit_subscription};
    default: return list_filtered_topics{topic_filter::only_unit_subscription};
    }
}
template <>
result<list_cluster_topics> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_cluster_topics{in.text("cluster")});
}
template <>
remoting_command encode_answer(const topics_found& answer) {
    return answer_of(protocol::encode_topic_list(answer.names));
}

template <>
result<list_name_topics> decode_request(const remoting_command&) {
    return list_name_topics{};
}
template <>
remoting_command encode_answer(const name_topics_listed& answer) {
    return answer_of(protocol::encode_topic_list(answer.names, answer.broker_address));
}

// ---- KV config ------------------------------------------------------------------------------------------------------

template <>
result<put_kv_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    put_kv_config order;
    order.name_space = in.text("namespace");
    order.key = in.text("key");
    order.value = in.text("value");
    return in.finish(std::move(order));
}
template <>
result<delete_kv_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    delete_kv_config order;
    order.name_space = in.text("namespace");
    order.key = in.text("key");
    return in.finish(std::move(order));
}

template <>
result<find_kv_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    find_kv_config order;
    order.name_space = in.text("namespace");
    order.key = in.text("key");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const kv_config_found& answer) {
    remoting_command command;
    command.fields.set("value", answer.value);
    return command;
}

template <>
result<list_kv_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_kv_config{in.text("namespace")});
}
template <>
remoting_command encode_answer(const kv_config_listed& answer) {
    return answer_of(protocol::encode_key_value_table(answer.table));
}

// ---- settings -------------------------------------------------------------------------------------------------------

template <>
result<list_name_server_config> decode_request(const remoting_command&) {
    return list_name_server_config{};
}
template <>
remoting_command encode_answer(const name_server_config_listed& answer) {
    return answer_of(protocol::encode_config_text(answer.values));
}
template <>
result<change_name_server_config> decode_request(const remoting_command& command) {
    return message_of_body<change_name_server_config>(command, protocol::decode_config_text);
}

} // namespace troupe::actors::net
