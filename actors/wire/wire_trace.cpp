#include "actors/wire/wire_trace.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

#include <utility>

namespace troupe::actors::net {

using protocol::remoting_command;

template <>
remoting_command encode_request(const trace_message& order) {
    auto command = request_of(protocol::request_code::troupe_trace_message);
    command.fields.set("topic", order.queue.topic);
    command.fields.set("queueId", order.queue.queue.value());
    command.fields.set("offset", order.offset.value());
    return command;
}
template <>
result<trace_message> decode_request(const remoting_command& command) {
    field_reader in{command};
    trace_message order;
    order.queue.topic = in.text("topic");
    order.queue.queue = in.number<queue_id>("queueId");
    order.offset = in.number<queue_offset>("offset");
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const message_traced& answer) {
    return answer_of(protocol::encode_message_trace(answer.trace));
}
template <>
result<message_traced> decode_answer(const remoting_command& command) {
    return message_of_body<message_traced>(command, protocol::decode_message_trace);
}

} // namespace troupe::actors::net
