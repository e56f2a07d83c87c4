#include "actors/messages/dead_letters.hpp"
#include "actors/wire/wire_codec.hpp"
#include "protocol/dead_letter_bodies.hpp"
#include "protocol/request_code.hpp"

#include <utility>

/// Dead letters; all of it is Troupe's own.
namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

template <>
remoting_command encode_request(const list_dead_letters& order) {
    return request_about(code::troupe_list_dead_letters, "group", order.group);
}
template <>
result<list_dead_letters> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_dead_letters{in.text_or("group")});
}
template <>
remoting_command encode_answer(const dead_letters_listed& answer) {
    return answer_of(protocol::encode_dead_letter_queues(answer.queues));
}
template <>
result<dead_letters_listed> decode_answer(const remoting_command& command) {
    return message_of_body<dead_letters_listed>(command, protocol::decode_dead_letter_queues);
}

template <>
remoting_command encode_request(const read_page& order) {
    auto command = request_about(code::troupe_read_queue, order.queue);
    command.fields.set("offset", order.from.value());
    command.fields.set("maxMsgNums", order.messages_max);
    return command;
}
template <>
result<read_page> decode_request(const remoting_command& command) {
    field_reader in{command};
    read_page order;
    order.queue = read_queue(in);
    order.from = in.number<queue_offset>("offset");
    order.messages_max = in.int32_or("maxMsgNums", order.messages_max);
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const page_read& answer) {
    remoting_command command;
    command.fields.set("nextBeginOffset", answer.next.value());
    command.fields.set("minOffset", answer.min.value());
    command.fields.set("maxOffset", answer.max.value());
    command.body = answer.records;
    return command;
}
template <>
result<page_read> decode_answer(const remoting_command& command) {
    field_reader in{command};
    page_read answer;
    answer.records = command.body;
    answer.next = in.number<queue_offset>("nextBeginOffset");
    answer.min = in.number<queue_offset>("minOffset");
    answer.max = in.number<queue_offset>("maxOffset");
    return in.finish(std::move(answer));
}

template <>
remoting_command encode_request(const resend_dead_letters& order) {
    auto command = request_of(code::troupe_resend_dead_letters);
    command.fields.set("group", order.group);
    command.fields.set("queueId", order.queue.value());
    command.fields.set("offset", order.from.value());
    command.fields.set("maxMsgNums", order.messages_max);
    return command;
}
template <>
result<resend_dead_letters> decode_request(const remoting_command& command) {
    field_reader in{command};
    resend_dead_letters order;
    order.group = in.text("group");
    order.queue = in.number<queue_id>("queueId");
    order.from = queue_offset{in.int64_or("offset", -1)};
    order.messages_max = in.int32_or("maxMsgNums", order.messages_max);
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const dead_letters_resent& answer) {
    remoting_command command;
    command.fields.set("resent", answer.resent);
    command.fields.set("nextBeginOffset", answer.next.value());
    command.fields.set("maxOffset", answer.max.value());
    return command;
}
template <>
result<dead_letters_resent> decode_answer(const remoting_command& command) {
    field_reader in{command};
    dead_letters_resent answer;
    answer.resent = in.int32("resent");
    answer.next = in.number<queue_offset>("nextBeginOffset");
    answer.max = in.number<queue_offset>("maxOffset");
    return in.finish(std::move(answer));
}

} // namespace troupe::actors::net
