#include "actors/wire/wire.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

/// Orders and results of a broker. RocketMQ: SendMessageRequestHeaderV2, PullMessageRequestHeader and others.
namespace troupe::actors::net {

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;

/// sysFlag of a pull. Others exist (8: class filter, 16: lite pull consumer) and change nothing here.
namespace pull_flag {
constexpr std::int32_t commit_offset = 1;
constexpr std::int32_t suspend = 2;
constexpr std::int32_t subscription = 4;
} // namespace pull_flag

/// Whether `text` is `word`, which is in capitals, in any case.
bool is_word(std::string_view text, std::string_view word) {
    return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                      [](char x, char capital) { return (x >= 'a' && x <= 'z' ? x - 'a' + 'A' : x) == capital; });
}

} // namespace

// ---- producers ------------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const send_messages& order) {
    auto command = request_of(order.batch ? code::send_batch_message : code::send_message_v2);
    auto& fields = command.fields;
    fields.set("a", order.producer_group);
    fields.set("b", order.topic);
    fields.set("c", order.topic_template);
    fields.set("d", order.topic_template_queues);
    fields.set("e", order.queue.value());
    fields.set("f", order.sys_flag);
    fields.set("g", order.born.value());
    fields.set("h", order.flag);
    fields.set("i", order.properties);
    fields.set("j", order.reconsume_times);
    fields.set("k", text_of(order.unit_mode));
    fields.set("m", text_of(order.batch));
    command.body = order.body;
    return command;
}

template <>
result<send_messages> decode_request(const remoting_command& command) {
    // The second form of the header is the first with one-letter names.
    const bool long_names = command.code == code::send_message;
    field_reader in{command};
    send_messages order;
    order.producer_group = in.text_or(long_names ? "producerGroup" : "a");
    order.topic = in.text(long_names ? "topic" : "b");
    order.topic_template = in.text_or(long_names ? "defaultTopic" : "c", order.topic_template);
    order.topic_template_queues = in.int32_or(long_names ? "defaultTopicQueueNums" : "d", order.topic_template_queues);
    order.queue = in.number<queue_id>(long_names ? "queueId" : "e");
    order.sys_flag = in.int32_or(long_names ? "sysFlag" : "f", 0);
    order.born = timestamp_ms{in.int64_or(long_names ? "bornTimestamp" : "g", 0)};
    order.flag = in.int32_or(long_names ? "flag" : "h", 0);
    order.properties = in.text_or(long_names ? "properties" : "i");
    order.reconsume_times = in.int32_or(long_names ? "reconsumeTimes" : "j", 0);
    order.unit_mode = in.boolean_or(long_names ? "unitMode" : "k", false);
    order.batch = command.code == code::send_batch_message || in.boolean_or(long_names ? "batch" : "m", false);
    order.body = command.body;
    // A header may be as large as a frame; nothing behind this need edit or copy properties that cannot be stored.
    if (order.properties.size() > limits::properties_bytes_max)
        return error{errc::properties_too_large, "properties of " + std::to_string(order.properties.size()) + " bytes; the limit is " +
                                                     std::to_string(limits::properties_bytes_max)};
    return in.finish(std::move(order));
}

template <>
remoting_command encode_answer(const messages_stored& answer) {
    remoting_command command;
    command.fields.set("msgId", answer.message_ids);
    command.fields.set("queueId", answer.queue.value());
    command.fields.set("queueOffset", answer.offset.value());
    if (!answer.transaction_id.empty())
        command.fields.set("transactionId", answer.transaction_id);
    if (!answer.recall_handle.empty())
        command.fields.set("recallHandle", answer.recall_handle);
    return command;
}

template <>
result<messages_stored> decode_answer(const remoting_command& command) {
    field_reader in{command};
    messages_stored answer;
    answer.message_ids = in.text_or("msgId");
    answer.queue = in.number<queue_id>("queueId");
    answer.offset = in.number<queue_offset>("queueOffset");
    answer.transaction_id = in.text_or("transactionId");
    answer.recall_handle = in.text_or("recallHandle");
    return in.finish(std::move(answer));
}

// ---- consumers ------------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const pull_messages& order) {
    auto command = request_of(code::pull_message);
    auto& fields = command.fields;
    const std::int32_t flags = (order.commit ? pull_flag::commit_offset : 0) | (order.hold_ms > 0 ? pull_flag::suspend : 0) |
                               (order.has_expression ? pull_flag::subscription : 0);
    fields.set("consumerGroup", order.group);
    fields.set("topic", order.topic);
    fields.set("queueId", order.queue.value());
    fields.set("queueOffset", order.offset.value());
    fields.set("maxMsgNums", order.messages_max);
    fields.set("sysFlag", flags);
    fields.set("commitOffset", order.commit_offset.value());
    fields.set("suspendTimeoutMillis", order.hold_ms);
    if (order.has_expression) {
        fields.set("subscription", order.expression);
        fields.set("expressionType", order.expression_type);
    }
    fields.set("subVersion", order.subscription_version);
    fields.set("maxMsgBytes", order.bytes_max);
    return command;
}

template <>
result<pull_messages> decode_request(const remoting_command& command) {
    field_reader in{command};
    pull_messages order;
    const auto flags = in.int32("sysFlag");
    order.group = in.text("consumerGroup");
    order.topic = in.text("topic");
    order.queue = in.number<queue_id>("queueId");
    order.offset = in.number<queue_offset>("queueOffset");
    order.messages_max = in.int32("maxMsgNums");
    order.bytes_max = in.int32_or("maxMsgBytes", order.bytes_max);
    order.hold_ms = (flags & pull_flag::suspend) != 0 ? in.int64("suspendTimeoutMillis") : 0;
    order.commit = (flags & pull_flag::commit_offset) != 0;
    order.commit_offset = queue_offset{order.commit ? in.int64("commitOffset") : 0};
    order.has_expression = (flags & pull_flag::subscription) != 0;
    order.expression = in.text_or("subscription");
    order.expression_type = in.text_or("expressionType", "TAG");
    order.subscription_version = in.int64_or("subVersion", 0);
    return in.finish(std::move(order));
}

template <>
remoting_command encode_answer(const messages_pulled& answer) {
    remoting_command command;
    switch (answer.status) {
    case pull_status::found: command.code = protocol::response_code::success; break;
    case pull_status::no_new: command.code = protocol::response_code::pull_not_found; break;
    case pull_status::no_match: command.code = protocol::response_code::pull_retry_immediately; break;
    case pull_status::offset_moved: command.code = protocol::response_code::pull_offset_moved; break;
    }
    command.fields.set("suggestWhichBrokerId", 0);
    command.fields.set("nextBeginOffset", answer.next.value());
    command.fields.set("minOffset", answer.min.value());
    command.fields.set("maxOffset", answer.max.value());
    command.body = answer.records;
    return command;
}

template <>
result<messages_pulled> decode_answer(const remoting_command& command) {
    field_reader in{command};
    messages_pulled answer;
    switch (command.code) {
    case protocol::response_code::success: answer.status = pull_status::found; break;
    case protocol::response_code::pull_retry_immediately: answer.status = pull_status::no_match; break;
    case protocol::response_code::pull_offset_moved: answer.status = pull_status::offset_moved; break;
    default: answer.status = pull_status::no_new; break;
    }
    answer.next = in.number<queue_offset>("nextBeginOffset");
    answer.min = in.number<queue_offset>("minOffset");
    answer.max = in.number<queue_offset>("maxOffset");
    answer.records = command.body;
    return in.finish(std::move(answer));
}

template <>
remoting_command encode_request(const commit_offset& order) {
    auto command = request_about(code::update_consumer_offset, order.key.queue);
    command.fields.set("consumerGroup", order.key.group);
    command.fields.set("commitOffset", order.offset.value());
    return command;
}
template <>
result<commit_offset> decode_request(const remoting_command& command) {
    field_reader in{command};
    commit_offset order;
    order.key.group = in.text("consumerGroup");
    order.key.queue = read_queue(in);
    order.offset = in.number<queue_offset>("commitOffset");
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const query_offset& order) {
    auto command = request_about(code::query_consumer_offset, order.key.queue);
    command.fields.set("consumerGroup", order.key.group);
    command.fields.set("setZeroIfNotFound", text_of(order.zero_if_not_found));
    return command;
}
template <>
result<query_offset> decode_request(const remoting_command& command) {
    field_reader in{command};
    query_offset order;
    order.key.group = in.text("consumerGroup");
    order.key.queue = read_queue(in);
    order.zero_if_not_found = in.boolean_or("setZeroIfNotFound", true);
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const find_max_offset& order) {
    return request_about(code::get_max_offset, order.queue);
}
template <>
result<find_max_offset> decode_request(const remoting_command& command) {
    // `committed` is not read: an offset is told only when its message can be read, whatever it says.
    field_reader in{command};
    return in.finish(find_max_offset{read_queue(in)});
}

template <>
remoting_command encode_request(const find_min_offset& order) {
    return request_about(code::get_min_offset, order.queue);
}
template <>
result<find_min_offset> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_min_offset{read_queue(in)});
}

template <>
remoting_command encode_request(const search_offset& order) {
    auto command = request_about(code::search_offset_by_timestamp, order.queue);
    command.fields.set("timestamp", order.time.value());
    command.fields.set("boundaryType", order.upper ? "UPPER" : "LOWER");
    return command;
}
template <>
result<search_offset> decode_request(const remoting_command& command) {
    field_reader in{command};
    search_offset order;
    order.queue = read_queue(in);
    order.time = timestamp_ms{in.int64("timestamp")};
    order.upper = is_word(in.text_or("boundaryType"), "UPPER"); // anything else is LOWER, as in RocketMQ
    return in.finish(std::move(order));
}

template <>
remoting_command encode_answer(const offset_found& answer) {
    remoting_command command;
    command.fields.set("offset", answer.offset.value());
    return command;
}
template <>
result<offset_found> decode_answer(const remoting_command& command) {
    field_reader in{command};
    return in.finish(offset_found{in.number<queue_offset>("offset")});
}

// ---- membership -----------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const client_heartbeat& order) {
    return request_of(code::heart_beat, protocol::encode_heartbeat(order.data));
}
template <>
result<client_heartbeat> decode_request(const remoting_command& command) {
    auto data = protocol::decode_heartbeat(command.body.view());
    if (!data)
        return data.failure();
    return client_heartbeat{std::move(*data), {}};
}
template <>
remoting_command encode_answer(const heartbeat_accepted&) {
    remoting_command command;
    command.fields.set("IS_SUB_CHANGE", "true"); // what a broker without heartbeat fingerprints says
    return command;
}
template <>
result<heartbeat_accepted> decode_answer(const remoting_command&) {
    return heartbeat_accepted{};
}

template <>
remoting_command encode_request(const unregister_client& order) {
    auto command = request_of(code::unregister_client);
    command.fields.set("clientID", order.client_id);
    if (!order.producer_group.empty())
        command.fields.set("producerGroup", order.producer_group);
    if (!order.consumer_group.empty())
        command.fields.set("consumerGroup", order.consumer_group);
    return command;
}
template <>
result<unregister_client> decode_request(const remoting_command& command) {
    field_reader in{command};
    unregister_client order;
    order.client_id = in.text("clientID");
    order.producer_group = in.text_or("producerGroup");
    order.consumer_group = in.text_or("consumerGroup");
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const list_group_members& order) {
    return request_about(code::get_consumer_list_by_group, "consumerGroup", order.group);
}
template <>
result<list_group_members> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_group_members{in.text("consumerGroup")});
}
template <>
remoting_command encode_answer(const group_members& answer) {
    return answer_of(protocol::encode_consumer_ids(answer.client_ids));
}
template <>
result<group_members> decode_answer(const remoting_command& command) {
    return message_of_body<group_members>(command, protocol::decode_consumer_ids);
}

template <>
remoting_command encode_request(const consumers_changed& event) {
    auto command = request_of(code::notify_consumer_ids_changed);
    command.flag = protocol::command_flag::oneway;
    command.fields.set("consumerGroup", event.group);
    return command;
}
template <>
result<consumers_changed> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(consumers_changed{in.text("consumerGroup")});
}

} // namespace troupe::actors::net
