#include "actors/wire/wire_message_back.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/names.hpp"

#include <string>
#include <utility>

namespace troupe::actors::net {

namespace {

using protocol::remoting_command;

/// Clients before 3.4.9 sent no limit that counts.
constexpr std::int32_t first_version_with_retry_max = 121;
/// Troupe's own: the tries of a message that was tried again in its consumer, where no broker has counted, and that gets no further one. It is
/// stored with that count, even if the group wants no retries. RocketMQ's brokers pass over the field.
constexpr std::string_view tries_field = "reconsumeTimes";

std::optional<std::int32_t> read_retry_max(field_reader& in, const remoting_command& command, std::string_view name) {
    if (command.version < first_version_with_retry_max || in.text_or(name).empty())
        return std::nullopt;
    return in.int32(name);
}

} // namespace

bool is_sent_to_retry_topic(const remoting_command& command) {
    field_reader in{command};
    return is_retry_topic(in.text_or(command.code == protocol::request_code::send_message ? "topic" : "b"));
}

template <>
result<send_retry_message> decode_request(const remoting_command& command) {
    auto send = decode_request<send_messages>(command);
    if (!send)
        return send.failure();
    field_reader in{command};
    send_retry_message order;
    order.send = std::move(*send);
    order.retry_max = read_retry_max(in, command, command.code == protocol::request_code::send_message ? "maxReconsumeTimes" : "l");
    return in.finish(std::move(order));
}

template <>
remoting_command encode_request(const send_message_back& order) {
    auto command = request_of(protocol::request_code::consumer_send_msg_back);
    command.fields.set("offset", order.position.value());
    command.fields.set("group", order.group);
    command.fields.set("delayLevel", order.delay_level);
    if (!order.origin_topic.empty())
        command.fields.set("originTopic", order.origin_topic);
    if (!order.origin_message_id.empty())
        command.fields.set("originMsgId", order.origin_message_id);
    command.fields.set("unitMode", "false");
    if (order.retry_max)
        command.fields.set("maxReconsumeTimes", *order.retry_max);
    if (order.tries && order.delay_level < 0)
        command.fields.set(std::string{tries_field}, *order.tries);
    return command;
}
template <>
result<send_message_back> decode_request(const remoting_command& command) {
    field_reader in{command};
    send_message_back order;
    order.position = in.number<log_position>("offset");
    order.group = in.text("group");
    order.delay_level = in.int32("delayLevel");
    order.origin_topic = in.text_or("originTopic");
    order.origin_message_id = in.text_or("originMsgId");
    order.retry_max = read_retry_max(in, command, "maxReconsumeTimes");
    if (order.delay_level < 0 && !in.text_or(tries_field).empty())
        order.tries = in.int32(tries_field);
    return in.finish(std::move(order));
}

remoting_command encode_message_back_failure(const error& failure) {
    auto answer = encode_failure(failure);
    if (failure.code != errc::group_not_found && failure.code != errc::not_permitted)
        answer.code = protocol::response_code::system_error;
    return answer;
}

} // namespace troupe::actors::net
