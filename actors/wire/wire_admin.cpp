#include "actors/messages/broker_admin.hpp"
#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

/// Administration of a broker. RocketMQ: CreateTopicRequestHeader, SubscriptionGroupConfig and others.
namespace troupe::actors::net {

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;

/// "+name=value,+name=value": the form in which a topic's attributes are set.
std::string encode_attributes(const std::map<std::string, std::string>& attributes) {
    std::string text;
    for (const auto& [name, value] : attributes)
        text += (text.empty() ? "+" : ",+") + name + "=" + value;
    return text;
}

result<std::map<std::string, std::string>> decode_attributes(std::string_view text) {
    std::map<std::string, std::string> attributes;
    while (!text.empty()) {
        const auto entry = text.substr(0, text.find(','));
        text.remove_prefix(std::min(text.size(), entry.size() + 1));
        const auto equals = entry.find('=');
        if (entry.size() > 1 && entry.front() == '-')
            continue; // not there afterwards, whether or not it was before
        if (entry.empty() || entry.front() != '+' || equals == std::string_view::npos || equals < 2)
            return error{errc::argument_illegal, "topic attributes are written +name=value, separated by commas; this is not: \"" +
                                                     std::string{entry.substr(0, 80)} + "\""};
        attributes[std::string{entry.substr(1, equals - 1)}] = entry.substr(equals + 1);
    }
    return attributes;
}

} // namespace

// ---- topics ---------------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const put_topic& order) {
    auto command = request_of(code::update_and_create_topic);
    auto& fields = command.fields;
    fields.set("topic", order.topic.name);
    fields.set("defaultTopic", "TBW102");
    fields.set("readQueueNums", order.topic.read_queues);
    fields.set("writeQueueNums", order.topic.write_queues);
    fields.set("perm", order.topic.perm);
    fields.set("topicFilterType", "SINGLE_TAG");
    fields.set("topicSysFlag", order.topic.sys_flag);
    fields.set("order", text_of(order.topic.order));
    if (!order.topic.attributes.empty())
        fields.set("attributes", encode_attributes(order.topic.attributes));
    return command;
}
template <>
result<put_topic> decode_request(const remoting_command& command) {
    field_reader in{command};
    put_topic order;
    order.topic.name = in.text("topic");
    order.topic.read_queues = in.int32("readQueueNums");
    order.topic.write_queues = in.int32("writeQueueNums");
    order.topic.perm = in.int32("perm");
    order.topic.sys_flag = in.int32_or("topicSysFlag", 0);
    order.topic.order = in.boolean_or("order", false);
    auto attributes = decode_attributes(in.text_or("attributes"));
    if (!attributes)
        return attributes.failure();
    order.topic.attributes = std::move(*attributes);
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const delete_topic& order) {
    return request_about(code::delete_topic_in_broker, "topic", order.topic);
}
template <>
result<delete_topic> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(delete_topic{in.text("topic")});
}

template <>
remoting_command encode_request(const list_topics&) {
    return request_of(code::get_all_topic_config);
}
template <>
result<list_topics> decode_request(const remoting_command&) {
    return list_topics{};
}
template <>
remoting_command encode_answer(const topics_listed& answer) {
    return answer_of(protocol::encode_topic_table(answer.table));
}
template <>
result<topics_listed> decode_answer(const remoting_command& command) {
    return message_of_body<topics_listed>(command, protocol::decode_topic_table);
}

template <>
remoting_command encode_request(const describe_topic& order) {
    return request_about(code::get_topic_stats_info, "topic", order.topic);
}
template <>
result<describe_topic> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(describe_topic{in.text("topic")});
}
template <>
remoting_command encode_answer(const topic_described& answer) {
    return answer_of(protocol::encode_topic_stats(answer.stats));
}
template <>
result<topic_described> decode_answer(const remoting_command& command) {
    return message_of_body<topic_described>(command, protocol::decode_topic_stats);
}

// ---- groups ---------------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const put_group& order) {
    return request_of(code::update_and_create_subscription_group, protocol::encode_group_config(order.group));
}
template <>
result<put_group> decode_request(const remoting_command& command) {
    return message_of_body<put_group>(command, protocol::decode_group_config);
}

template <>
remoting_command encode_request(const delete_group& order) {
    auto command = request_about(code::delete_subscription_group, "groupName", order.group);
    command.fields.set("cleanOffset", text_of(order.with_offsets));
    return command;
}
template <>
result<delete_group> decode_request(const remoting_command& command) {
    field_reader in{command};
    delete_group order;
    order.group = in.text("groupName");
    order.with_offsets = in.boolean_or("cleanOffset", false);
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const list_groups&) {
    return request_of(code::get_all_subscription_group_config);
}
template <>
result<list_groups> decode_request(const remoting_command&) {
    return list_groups{};
}
template <>
remoting_command encode_answer(const groups_listed& answer) {
    return answer_of(protocol::encode_group_table(answer.table));
}
template <>
result<groups_listed> decode_answer(const remoting_command& command) {
    return message_of_body<groups_listed>(command, protocol::decode_group_table);
}

template <>
remoting_command encode_request(const describe_group& order) {
    auto command = request_about(code::get_consume_stats, "consumerGroup", order.group);
    if (!order.topic.empty())
        command.fields.set("topic", order.topic);
    return command;
}
template <>
result<describe_group> decode_request(const remoting_command& command) {
    field_reader in{command};
    describe_group order;
    order.group = in.text("consumerGroup");
    order.topic = in.text_or("topic");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const group_described& answer) {
    return answer_of(protocol::encode_consume_stats(answer.stats));
}
template <>
result<group_described> decode_answer(const remoting_command& command) {
    return message_of_body<group_described>(command, protocol::decode_consume_stats);
}

template <>
remoting_command encode_request(const find_group_config& order) {
    return request_about(code::get_subscription_group_config, "group", order.group);
}
template <>
result<find_group_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_group_config{in.text("group")});
}
template <>
remoting_command encode_answer(const group_config_found& answer) {
    return answer_of(protocol::encode_group_config(answer.group));
}
template <>
result<group_config_found> decode_answer(const remoting_command& command) {
    return message_of_body<group_config_found>(command, protocol::decode_group_config);
}

// ---- the broker -----------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const describe_broker&) {
    return request_of(code::get_broker_runtime_info);
}
template <>
result<describe_broker> decode_request(const remoting_command&) {
    return describe_broker{};
}
template <>
remoting_command encode_answer(const broker_described& answer) {
    return answer_of(protocol::encode_key_value_table(answer.values));
}
template <>
result<broker_described> decode_answer(const remoting_command& command) {
    return message_of_body<broker_described>(command, protocol::decode_key_value_table);
}

} // namespace troupe::actors::net
