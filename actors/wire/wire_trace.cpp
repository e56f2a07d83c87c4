#include "actors/messages/trace_messages.hpp"
#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

#include <utility>

/// Traces of messages; all of it is Troupe's own.
namespace troupe::actors::net {

using protocol::remoting_command;

template <>
remoting_command encode_request(const trace_message& order) {
    auto command = request_about(protocol::request_code::troupe_trace_message, order.queue);
    command.fields.set("offset", order.offset.value());
    return command;
}
template <>
result<trace_message> decode_request(const remoting_command& command) {
    field_reader in{command};
    trace_message order;
    order.queue = read_queue(in);
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
