#include "actors/wire/wire_settings.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

/// Fields: those that RocketMQ's AdminBrokerProcessor reads and answers.
namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

// ---- topics ---------------------------------------------------------------------------------------------------------

template <>
result<change_topic> decode_request(const remoting_command& command) {
    field_reader in{command};
    change_topic order;
    auto& topic = order.change.topic;
    topic.name = in.text("topic");
    topic.read_queues = in.int32("readQueueNums");
    topic.write_queues = in.int32("writeQueueNums");
    topic.perm = in.int32("perm");
    topic.sys_flag = in.int32_or("topicSysFlag", 0);
    topic.order = in.boolean_or("order", false);
    auto attributes = protocol::parse_attribute_changes(in.text_or("attributes"));
    if (!attributes)
        return attributes.failure();
    order.change.attributes = std::move(*attributes);
    return in.finish(std::move(order));
}
template <>
result<change_topics> decode_request(const remoting_command& command) {
    return message_of_body<change_topics>(command, protocol::decode_topic_changes);
}

/// The field `lo` asks for static topics, too; there are none here.
template <>
result<find_topic_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_topic_config{in.text("topic")});
}
template <>
remoting_command encode_answer(const topic_config_found& answer) {
    return answer_of(protocol::encode_topic_config(answer.topic));
}

template <>
result<list_system_topics> decode_request(const remoting_command&) {
    return list_system_topics{};
}
template <>
remoting_command encode_answer(const system_topics_listed& answer) {
    return answer_of(protocol::encode_topic_list(answer.names));
}

template <>
result<describe_topic_state> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(describe_topic_state{in.text("topic")});
}
template <>
remoting_command encode_answer(const topic_state_described& answer) {
    return answer_of(protocol::encode_topic_stats(answer.stats, answer.put_tps));
}

// ---- groups ---------------------------------------------------------------------------------------------------------

template <>
result<put_groups> decode_request(const remoting_command& command) {
    return message_of_body<put_groups>(command, protocol::decode_group_list);
}

/// No group reads more, and a header may hold millions of short names.
constexpr std::size_t topics_per_question_max = 10'000;

/// A list of topics is asked for without regard to subscriptions, a single topic or none is not.
template <>
result<describe_group_state> decode_request(const remoting_command& command) {
    field_reader in{command};
    describe_group_state order;
    order.group = in.text("consumerGroup");
    const auto list = in.text_or("topicList");
    for (std::size_t begin = 0; begin < list.size();) {
        const auto end = std::min(list.find(';', begin), list.size());
        if (end > begin && order.topics.size() == topics_per_question_max)
            return error{errc::argument_illegal,
                         "topicList has more than " + std::to_string(topics_per_question_max) + " topics; ask for fewer at once"};
        if (end > begin)
            order.topics.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    order.subscribed_only = order.topics.empty();
    if (auto topic = in.text_or("topic"); order.topics.empty() && !topic.empty())
        order.topics.push_back(std::move(topic));
    return in.finish(std::move(order));
}

template <>
result<describe_consumption> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(describe_consumption{in.boolean_or("isOrder", false)});
}
template <>
remoting_command encode_answer(const consumption_described& answer) {
    return answer_of(protocol::encode_broker_consume_stats(answer.stats));
}

/// Without `readable` it is a question.
template <>
result<query_forbidden> decode_request(const remoting_command& command) {
    field_reader in{command};
    query_forbidden order{in.text("group"), in.text("topic")};
    order.forbid = !in.boolean_or("readable", true);
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const forbidden_found& answer) {
    return answer_of(protocol::encode_group_forbidden(answer.group, answer.topic, answer.readable));
}

template <>
result<set_request_mode> decode_request(const remoting_command& command) {
    return message_of_body<set_request_mode>(command, protocol::decode_message_request_mode);
}
template <>
result<list_request_modes> decode_request(const remoting_command&) {
    return list_request_modes{};
}
template <>
remoting_command encode_answer(const request_modes_listed& answer) {
    return answer_of(protocol::encode_message_request_modes(answer.modes));
}
template <>
result<query_assignment> decode_request(const remoting_command& command) {
    return message_of_body<query_assignment>(command, protocol::decode_assignment_request);
}
/// Without the list a client goes on with what it has.
template <>
remoting_command encode_answer(const assignment_found& answer) {
    return answer_of(answer.is_known ? protocol::encode_assignments(answer.queues) : "{}");
}

// ---- the broker -----------------------------------------------------------------------------------------------------

template <>
result<clean_store> decode_request(const remoting_command& command) {
    return clean_store{command.code == code::clean_unused_topic};
}

template <>
result<view_statistics> decode_request(const remoting_command& command) {
    field_reader in{command};
    view_statistics order;
    order.name = in.text("statsName");
    order.key = in.text("statsKey");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const statistics_viewed& answer) {
    return answer_of(protocol::encode_counter_statistics(answer.statistics));
}

template <>
result<list_broker_config> decode_request(const remoting_command&) {
    return list_broker_config{};
}
template <>
remoting_command encode_answer(const broker_config_listed& answer) {
    auto command = answer_of(protocol::encode_config_text(answer.values));
    command.fields.set("version", protocol::encode_data_version(answer.version));
    return command;
}
template <>
result<change_broker_config> decode_request(const remoting_command& command) {
    return message_of_body<change_broker_config>(command, protocol::decode_config_text);
}

} // namespace troupe::actors::net
