#include "actors/wire/wire_members.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/connection_bodies.hpp"
#include "protocol/group_members.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

/// RocketMQ: ReplyMessageRequestHeader, GetConsumerConnectionListRequestHeader, ResetOffsetRequestHeader and others.
namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

namespace {

remoting_command failed_answer(std::int32_t response_code, std::string remark) {
    remoting_command command;
    command.code = response_code;
    command.remark = std::move(remark);
    return command;
}

} // namespace

// ---- from clients ---------------------------------------------------------------------------------------------------

template <>
result<remote_heartbeat> decode_request(const remoting_command& command) {
    auto read = protocol::decode_versioned_heartbeat(command.body.view());
    if (!read)
        return read.failure();
    remote_heartbeat order;
    order.heartbeat.data = std::move(read->data);
    order.origin.from = command.from;
    order.origin.version = command.version;
    order.without_subscriptions = read->without_subscriptions;
    return order;
}

template <>
remoting_command encode_request(const send_reply& order) {
    auto command = encode_request(order.message);
    command.code = code::send_reply_message_v2;
    if (!order.default_topic.empty())
        command.fields.set("c", order.default_topic);
    if (order.default_topic_queues > 0)
        command.fields.set("d", order.default_topic_queues);
    command.fields.set("k", text_of(order.unit_mode));
    return command;
}
template <>
result<send_reply> decode_request(const remoting_command& command) {
    // The header is that of a send, in its first or second form.
    const bool long_names = command.code == code::send_reply_message;
    auto as_send = command;
    as_send.code = long_names ? code::send_message : code::send_message_v2;
    auto message = decode_request<send_messages>(as_send);
    if (!message)
        return message.failure();
    field_reader in{command};
    send_reply order;
    order.message = std::move(*message);
    order.default_topic = in.text_or(long_names ? "defaultTopic" : "c");
    order.default_topic_queues = in.int32_or(long_names ? "defaultTopicQueueNums" : "d", 0);
    order.unit_mode = in.boolean_or(long_names ? "unitMode" : "k", false);
    return in.finish(std::move(order));
}

// ---- who is connected -----------------------------------------------------------------------------------------------

template <>
result<list_consumer_connections> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_consumer_connections{in.text("consumerGroup")});
}
template <>
remoting_command encode_answer(const consumer_connections_listed& answer) {
    if (answer.consumers.connections.empty())
        return failed_answer(protocol::response_code::consumer_not_online, "the group has no member that is connected to this broker");
    return answer_of(protocol::encode_consumer_connections(answer.consumers));
}

template <>
remoting_command encode_request(const list_members& order) {
    return request_about(code::troupe_list_members, "group", order.group);
}
template <>
result<list_members> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_members{in.text("group")});
}
template <>
remoting_command encode_answer(const members_listed& answer) {
    return answer_of(protocol::encode_group_members(answer.members));
}
template <>
result<members_listed> decode_answer(const remoting_command& command) {
    return message_of_body<members_listed>(command, protocol::decode_group_members);
}

template <>
result<list_producer_connections> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_producer_connections{in.text("producerGroup")});
}
template <>
remoting_command encode_answer(const producer_connections_listed& answer) {
    if (answer.connections.empty())
        return failed_answer(protocol::response_code::system_error, "the producer group has no client that is connected to this broker");
    return answer_of(protocol::encode_producer_connections(answer.connections));
}

template <>
result<list_producers> decode_request(const remoting_command&) {
    return list_producers{};
}
template <>
remoting_command encode_answer(const producers_listed& answer) {
    return answer_of(protocol::encode_producer_table(answer.table));
}

// ---- who reads what -------------------------------------------------------------------------------------------------

template <>
result<list_topic_readers> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_topic_readers{in.text("topic")});
}
template <>
remoting_command encode_answer(const topic_readers_listed& answer) {
    return answer_of(protocol::encode_group_names(answer.groups));
}

template <>
result<list_group_topics> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_group_topics{in.text("group")});
}
template <>
remoting_command encode_answer(const group_topics_listed& answer) {
    return answer_of(protocol::encode_topics_of_broker(answer.topics, answer.broker_address));
}

template <>
result<find_subscription> decode_request(const remoting_command& command) {
    field_reader in{command};
    find_subscription order;
    order.group = in.text("group");
    order.topic = in.text_or("topic");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const subscription_found& answer) {
    protocol::group_subscription found{answer.group, answer.topic, {}};
    if (!answer.subscription.empty())
        found.subscription = answer.subscription.front();
    return answer_of(protocol::encode_group_subscription(found));
}

// ---- to members -----------------------------------------------------------------------------------------------------

template <>
result<ask_member> decode_request(const remoting_command& command) {
    field_reader in{command};
    ask_member order;
    order.group = in.text("consumerGroup");
    if (command.code == code::consume_message_directly) {
        order.client_id = in.text_or("clientId");
        order.message_id = in.text("msgId");
    } else {
        order.client_id = in.text("clientId");
    }
    order.request = {command.code, command.fields, command.body};
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const client_answered& answer) {
    auto command = failed_answer(answer.code, answer.remark);
    command.body = answer.body;
    return command;
}
template <>
remoting_command encode_request(const forward_to_client& order) {
    auto command = request_of(order.code);
    command.fields = order.fields;
    command.body = order.body;
    return command;
}
template <>
result<client_answered> decode_answer(const remoting_command& command) {
    return client_answered{command.code, command.remark, command.body};
}

template <>
result<ask_members_status> decode_request(const remoting_command& command) {
    field_reader in{command};
    ask_members_status order;
    order.group = in.text("group");
    order.topic = in.text("topic");
    order.client_id = in.text_or("clientAddr"); // a client id, whatever its name says
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const members_status_told& answer) {
    return answer_of(protocol::encode_consumer_status(answer.status));
}
template <>
remoting_command encode_request(const ask_client_status& order) {
    auto command = request_of(code::get_consumer_status_from_client);
    command.fields.set("topic", order.topic);
    command.fields.set("group", order.group);
    return command;
}
template <>
result<ask_client_status> decode_request(const remoting_command& command) {
    field_reader in{command};
    ask_client_status order;
    order.topic = in.text("topic");
    order.group = in.text("group");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const client_status_told& answer) {
    return answer_of(protocol::encode_consumer_status({{}, answer.offsets}));
}
template <>
result<client_status_told> decode_answer(const remoting_command& command) {
    auto status = protocol::decode_consumer_status(command.body.view());
    if (!status)
        return status.failure();
    return client_status_told{std::move(status->own)};
}

template <>
result<adopt_offsets> decode_request(const remoting_command& command) {
    field_reader in{command};
    adopt_offsets order;
    order.topic = in.text("topic");
    order.group = in.text("group");
    auto offsets = protocol::decode_reset_offsets(command.body.view());
    if (!offsets)
        return offsets.failure();
    order.offsets = std::move(*offsets);
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const deliver_reply& order) {
    const auto& message = order.reply.message;
    auto command = request_of(code::push_reply_message_to_client);
    auto& fields = command.fields;
    fields.set("producerGroup", message.producer_group);
    fields.set("topic", message.topic);
    fields.set("defaultTopic", order.reply.default_topic);
    fields.set("defaultTopicQueueNums", order.reply.default_topic_queues);
    fields.set("queueId", message.queue.value());
    fields.set("sysFlag", message.sys_flag);
    fields.set("bornTimestamp", message.born.value());
    fields.set("flag", message.flag);
    fields.set("properties", message.properties);
    fields.set("reconsumeTimes", message.reconsume_times);
    fields.set("unitMode", text_of(order.reply.unit_mode));
    fields.set("bornHost", to_string(message.born_host));
    fields.set("storeHost", to_string(order.store_host));
    fields.set("storeTimestamp", order.stored.value());
    command.body = message.body;
    return command;
}
template <>
result<deliver_reply> decode_request(const remoting_command& command) {
    field_reader in{command};
    deliver_reply order;
    auto& message = order.reply.message;
    message.producer_group = in.text_or("producerGroup");
    message.topic = in.text("topic");
    order.reply.default_topic = in.text_or("defaultTopic");
    order.reply.default_topic_queues = in.int32_or("defaultTopicQueueNums", 0);
    message.queue = queue_id{in.int32_or("queueId", 0)};
    message.sys_flag = in.int32_or("sysFlag", 0);
    message.born = timestamp_ms{in.int64_or("bornTimestamp", 0)};
    message.flag = in.int32_or("flag", 0);
    message.properties = in.text_or("properties");
    message.reconsume_times = in.int32_or("reconsumeTimes", 0);
    order.reply.unit_mode = in.boolean_or("unitMode", false);
    // Apache's broker writes hosts in forms that are no address ("/127.0.0.1:1"); nobody needs them.
    if (const auto host = protocol::parse_host_address(in.text_or("bornHost")))
        message.born_host = *host;
    if (const auto host = protocol::parse_host_address(in.text_or("storeHost")))
        order.store_host = *host;
    order.stored = timestamp_ms{in.int64_or("storeTimestamp", 0)};
    message.body = command.body;
    return in.finish(std::move(order));
}

// ---- offsets --------------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const reset_offsets& order) {
    auto command = request_of(protocol::request_code::invoke_broker_to_reset_offset);
    // As RocketMQ's own tool. A broker that leaves it to its members tells all of them in words for the language of who asks, and Java's
    // members read only their own.
    command.from = protocol::language::java;
    command.fields.set("group", order.group);
    command.fields.set("topic", order.topic);
    command.fields.set("timestamp", to_string(order.time));
    command.fields.set("isForce", "true"); // RocketMQ's way to say that the clock decides, not who is behind
    command.fields.set("queueId", to_string(order.queue));
    if (order.offset.value() >= 0)
        command.fields.set("offset", to_string(order.offset));
    return command;
}
template <>
result<reset_offsets> decode_request(const remoting_command& command) {
    field_reader in{command};
    reset_offsets order;
    order.group = in.text("group");
    order.topic = in.text("topic");
    order.queue = queue_id{in.int32_or("queueId", -1)};
    order.time = timestamp_ms{in.int64("timestamp")};
    order.offset = queue_offset{in.int64_or("offset", -1)};
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const offsets_reset& answer) {
    return answer_of(protocol::encode_reset_offsets(answer.offsets));
}
template <>
result<offsets_reset> decode_answer(const remoting_command& command) {
    return message_of_body<offsets_reset>(command, protocol::decode_reset_offsets);
}

template <>
result<clone_offsets> decode_request(const remoting_command& command) {
    field_reader in{command};
    clone_offsets order;
    order.source = in.text("srcGroup");
    order.target = in.text("destGroup");
    order.topic = in.text_or("topic");
    order.offline = in.boolean_or("offline", false);
    return in.finish(std::move(order));
}

} // namespace troupe::actors::net
