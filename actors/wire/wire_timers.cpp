#include "actors/schedule/timer_keeper.hpp"
#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

#include <utility>

/// Timed messages. RECALL_MESSAGE has the fields of RecallMessageRequestHeader; the other requests are ours: texts and numbers as fields, and
/// records in the body as a pull's answer has them.
namespace troupe::actors::net {

namespace {

using protocol::remoting_command;
namespace code = protocol::request_code;

/// A place in the order of timers.
storage::timer_key read_key(field_reader& in, const char* due, const char* position) {
    return {in.number<timestamp_ms>(due), in.number<log_position>(position)};
}

template <class Order>
remoting_command encode_name(std::int32_t request, const Order& order) {
    auto command = request_of(request);
    command.fields.set("topic", order.topic);
    command.fields.set("uniqueKey", order.unique_key);
    return command;
}
template <class Order>
result<Order> decode_name(const remoting_command& command) {
    field_reader in{command};
    Order order;
    order.topic = in.text("topic");
    order.unique_key = in.text("uniqueKey");
    return in.finish(std::move(order));
}

} // namespace

template <>
result<recall_message> decode_request(const remoting_command& command) {
    field_reader in{command};
    recall_message order;
    order.topic = in.text("topic");
    order.handle = in.text("recallHandle");
    order.producer_group = in.text_or("producerGroup");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_request(const recall_message& order) {
    auto command = request_of(code::recall_message);
    command.fields.set("topic", order.topic);
    command.fields.set("recallHandle", order.handle);
    command.fields.set("producerGroup", order.producer_group);
    return command;
}
template <>
remoting_command encode_answer(const message_recalled& answer) {
    remoting_command command;
    command.fields.set("msgId", answer.unique_key);
    command.fields.set("MSG_REGION", answer.region);
    return command;
}
template <>
result<message_recalled> decode_answer(const remoting_command& command) {
    field_reader in{command};
    message_recalled answer;
    answer.unique_key = in.text("msgId");
    answer.region = in.text_or("MSG_REGION");
    return in.finish(std::move(answer));
}

template <>
result<list_timers> decode_request(const remoting_command& command) {
    field_reader in{command};
    list_timers order;
    order.topic = in.text_or("topic");
    order.from = read_key(in, "fromDue", "fromPosition");
    order.timers_max = in.int32("maxNum");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_request(const list_timers& order) {
    auto command = request_of(code::troupe_list_timers);
    if (!order.topic.empty())
        command.fields.set("topic", order.topic);
    command.fields.set("fromDue", order.from.due.value());
    command.fields.set("fromPosition", order.from.position.value());
    command.fields.set("maxNum", order.timers_max);
    return command;
}
template <>
remoting_command encode_answer(const timers_listed& answer) {
    remoting_command command;
    command.fields.set("nextDue", answer.next.due.value());
    command.fields.set("nextPosition", answer.next.position.value());
    command.fields.set("pending", static_cast<std::int64_t>(answer.pending));
    command.body = answer.records;
    return command;
}
template <>
result<timers_listed> decode_answer(const remoting_command& command) {
    field_reader in{command};
    timers_listed answer;
    answer.records = command.body;
    answer.next = read_key(in, "nextDue", "nextPosition");
    answer.pending = static_cast<std::uint64_t>(in.int64("pending"));
    return in.finish(std::move(answer));
}

template <>
result<find_timer> decode_request(const remoting_command& command) {
    return decode_name<find_timer>(command);
}
template <>
remoting_command encode_request(const find_timer& order) {
    return encode_name(code::troupe_find_timer, order);
}
template <>
remoting_command encode_answer(const timer_found& answer) {
    remoting_command command;
    command.body = answer.record;
    return command;
}
template <>
result<timer_found> decode_answer(const remoting_command& command) {
    return timer_found{command.body};
}

template <>
result<cancel_timer> decode_request(const remoting_command& command) {
    return decode_name<cancel_timer>(command);
}
template <>
remoting_command encode_request(const cancel_timer& order) {
    return encode_name(code::troupe_cancel_timer, order);
}

} // namespace troupe::actors::net
