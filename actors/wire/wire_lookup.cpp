#include "actors/wire/wire_lookup.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

#include <string>
#include <utility>

/// RocketMQ: ViewMessageRequestHeader, QueryMessageRequestHeader and others.
namespace troupe::actors::net {

using protocol::remoting_command;

template <>
result<find_message> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_message{in.number<log_position>("offset")});
}
template <>
remoting_command encode_request(const find_message& order) {
    auto command = request_of(protocol::request_code::view_message_by_id);
    command.fields.set("offset", order.position.value());
    return command;
}
template <>
result<message_found> decode_answer(const remoting_command& command) {
    message_found answer;
    answer.record = command.body;
    return answer;
}
template <>
remoting_command encode_answer(const message_found& answer) {
    remoting_command command;
    command.body = answer.record;
    if (!answer.record.empty())
        return command;
    command = encode_failure({errc::message_not_found, answer.missing});
    command.code = protocol::response_code::system_error; // for this request, not 22
    return command;
}

template <>
result<find_messages> decode_request(const remoting_command& command) {
    field_reader in{command};
    find_messages order;
    order.topic = in.text("topic");
    order.key = in.text("key");
    order.messages_max = in.int32("maxNum");
    order.begin = timestamp_ms{in.int64("beginTimestamp")};
    order.end = timestamp_ms{in.int64("endTimestamp")};
    order.by_unique_key = in.boolean_or("_UNIQUE_KEY_QUERY", false);
    return in.finish(std::move(order));
}
template <>
remoting_command encode_request(const find_messages& order) {
    auto command = request_of(protocol::request_code::query_message);
    command.fields.set("topic", order.topic);
    command.fields.set("key", order.key);
    command.fields.set("maxNum", order.messages_max);
    command.fields.set("beginTimestamp", order.begin.value());
    command.fields.set("endTimestamp", order.end.value());
    command.fields.set("_UNIQUE_KEY_QUERY", text_of(order.by_unique_key));
    return command;
}
template <>
result<messages_found> decode_answer(const remoting_command& command) {
    field_reader in{command};
    messages_found answer;
    answer.records = command.body;
    answer.indexed_at = timestamp_ms{in.int64_or("indexLastUpdateTimestamp", 0)};
    answer.indexed = log_position{in.int64_or("indexLastUpdatePhyoffset", 0)};
    return in.finish(std::move(answer));
}
template <>
remoting_command encode_answer(const messages_found& answer) {
    remoting_command command;
    command.fields.set("indexLastUpdateTimestamp", answer.indexed_at.value());
    command.fields.set("indexLastUpdatePhyoffset", answer.indexed.value());
    command.body = answer.records;
    return command;
}

template <>
result<find_first_stored> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_first_stored{read_queue(in)});
}
template <>
remoting_command encode_answer(const first_stored_found& answer) {
    remoting_command command;
    command.fields.set("timestamp", answer.time.value());
    return command;
}

template <>
result<browse_queue> decode_request(const remoting_command& command) {
    field_reader in{command};
    browse_queue order;
    order.queue = read_queue(in);
    order.from = in.number<queue_offset>("index");
    order.count = in.int32("count");
    order.group = in.text_or("consumerGroup");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const queue_browsed& answer) {
    return answer.page ? answer_of(protocol::encode_queue_page(*answer.page)) : remoting_command{};
}

template <>
result<describe_time_spans> decode_request(const remoting_command& command) {
    field_reader in{command};
    describe_time_spans order;
    order.topic = in.text("topic");
    order.group = in.text("group");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const time_spans_described& answer) {
    return answer_of(protocol::encode_time_spans(answer.spans));
}

} // namespace troupe::actors::net
