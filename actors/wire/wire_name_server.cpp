#include "actors/wire/wire.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/checksum.hpp"
#include "protocol/request_code.hpp"

#include <utility>

/// Orders and results of a name server. RocketMQ: RegisterBrokerRequestHeader, GetRouteInfoRequestHeader and others.
namespace troupe::actors::net {

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;

/// RocketMQ's CRC-32 of a body: without the sign bit.
std::int32_t body_checksum(std::string_view body) {
    return static_cast<std::int32_t>(protocol::crc32(body) & 0x7FFFFFFFu);
}

} // namespace

template <>
remoting_command encode_request(const register_broker& order) {
    auto command = request_of(code::register_broker);
    auto& fields = command.fields;
    command.body = payload{protocol::encode_register_broker_body(order.topics)};
    fields.set("brokerName", order.broker_name);
    fields.set("brokerAddr", order.address);
    fields.set("clusterName", order.cluster);
    fields.set("haServerAddr", order.address); // no replication port yet; the field is required
    fields.set("brokerId", order.id.value());
    if (order.expire_ms > 0)
        fields.set("heartbeatTimeoutMillis", order.expire_ms);
    fields.set("compressed", "false");
    fields.set("bodyCrc32", body_checksum(command.body.view()));
    return command;
}
template <>
result<register_broker> decode_request(const remoting_command& command) {
    field_reader in{command};
    register_broker order;
    order.broker_name = in.text("brokerName");
    order.address = in.text("brokerAddr");
    order.cluster = in.text("clusterName");
    order.id = in.number<broker_id>("brokerId");
    order.expire_ms = in.int64_or("heartbeatTimeoutMillis", 0);
    const auto announced = in.int32_or("bodyCrc32", 0);
    if (announced != 0 && announced != body_checksum(command.body.view()))
        return error{errc::protocol_error, "the body of the registration of " + order.broker_name + " was damaged: crc32 not match"};
    if (!command.body.empty()) {
        auto topics = protocol::decode_register_broker_body(command.body.view(), command.version);
        if (!topics)
            return topics.failure();
        order.topics = std::move(*topics);
    }
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const unregister_broker& order) {
    auto command = request_of(code::unregister_broker);
    command.fields.set("brokerName", order.broker_name);
    command.fields.set("brokerAddr", order.address);
    command.fields.set("clusterName", order.cluster);
    command.fields.set("brokerId", order.id.value());
    return command;
}
template <>
result<unregister_broker> decode_request(const remoting_command& command) {
    field_reader in{command};
    unregister_broker order;
    order.broker_name = in.text("brokerName");
    order.address = in.text("brokerAddr");
    order.cluster = in.text("clusterName");
    order.id = in.number<broker_id>("brokerId");
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const broker_heartbeat& order) {
    auto command = request_of(code::broker_heartbeat);
    command.fields.set("clusterName", order.cluster);
    command.fields.set("brokerAddr", order.address);
    command.fields.set("brokerName", order.broker_name);
    return command;
}
template <>
result<broker_heartbeat> decode_request(const remoting_command& command) {
    field_reader in{command};
    broker_heartbeat order;
    order.cluster = in.text("clusterName");
    order.broker_name = in.text("brokerName");
    order.address = in.text("brokerAddr");
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const find_route& order) {
    auto command = request_of(code::get_routeinfo_by_topic);
    command.fields.set("topic", order.topic);
    command.fields.set("acceptStandardJsonOnly", "true");
    return command;
}
template <>
result<find_route> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_route{in.text("topic")});
}
template <>
remoting_command encode_answer(const route_found& answer) {
    return answer_of(protocol::encode_topic_route(answer.route));
}
template <>
result<route_found> decode_answer(const remoting_command& command) {
    return message_of_body<route_found>(command, protocol::decode_topic_route);
}

template <>
remoting_command encode_request(const describe_cluster&) {
    return request_of(code::get_broker_cluster_info);
}
template <>
result<describe_cluster> decode_request(const remoting_command&) {
    return describe_cluster{};
}
template <>
remoting_command encode_answer(const cluster_described& answer) {
    return answer_of(protocol::encode_cluster_info(answer.info));
}
template <>
result<cluster_described> decode_answer(const remoting_command& command) {
    return message_of_body<cluster_described>(command, protocol::decode_cluster_info);
}

template <>
remoting_command encode_request(const list_all_topics&) {
    return request_of(code::get_all_topic_list_from_nameserver);
}
template <>
result<list_all_topics> decode_request(const remoting_command&) {
    return list_all_topics{};
}
template <>
remoting_command encode_answer(const all_topics& answer) {
    return answer_of(protocol::encode_topic_list(answer.names));
}
template <>
result<all_topics> decode_answer(const remoting_command& command) {
    return message_of_body<all_topics>(command, protocol::decode_topic_list);
}

template <>
remoting_command encode_request(const forget_route& order) {
    return request_about(code::delete_topic_in_namesrv, "topic", order.topic);
}
template <>
result<forget_route> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(forget_route{in.text("topic")});
}

} // namespace troupe::actors::net
