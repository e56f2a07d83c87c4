#include "actors/wire/wire_transaction.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

#include <utility>

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

namespace {

/// Of what a decision says of itself; as long as a producer group may be (RocketMQ: Validators).
constexpr std::size_t text_bytes_max = 255;

/// A copy, so that nothing keeps what was cut off.
std::string shortened(const std::string& text) {
    return text.substr(0, text_bytes_max);
}

} // namespace

// ---- to a broker ----------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const end_transaction& order) {
    auto command = request_of(code::end_transaction);
    auto& fields = command.fields;
    fields.set("producerGroup", order.producer_group);
    fields.set("tranStateTableOffset", order.offset.value());
    fields.set("commitLogOffset", order.position.value());
    fields.set("commitOrRollback", static_cast<std::int32_t>(order.decision));
    fields.set("fromTransactionCheck", text_of(order.is_asked_for));
    fields.set("msgId", order.message_id);
    fields.set("transactionId", order.message_id);
    fields.set("topic", order.topic);
    return command;
}
template <>
result<end_transaction> decode_request(const remoting_command& command) {
    field_reader in{command};
    end_transaction order;
    order.producer_group = in.text("producerGroup");
    order.offset = in.number<queue_offset>("tranStateTableOffset");
    order.position = in.number<log_position>("commitLogOffset");
    const auto decision = in.int32("commitOrRollback");
    order.is_asked_for = in.boolean_or("fromTransactionCheck", false);
    // For people only. A header may be as large as a frame, and thousands of decisions wait at a time.
    order.message_id = shortened(in.text_or("msgId"));
    order.topic = shortened(in.text_or("topic"));
    if (order.producer_group.size() > text_bytes_max)
        return error{errc::argument_illegal, "a producer group of " + std::to_string(order.producer_group.size()) +
                                                 " bytes; RocketMQ's clients allow " + std::to_string(text_bytes_max)};
    switch (decision) {
    case static_cast<std::int32_t>(transaction_decision::commit): order.decision = transaction_decision::commit; break;
    case static_cast<std::int32_t>(transaction_decision::roll_back): order.decision = transaction_decision::roll_back; break;
    default: order.decision = transaction_decision::unknown; break; // 0, and what no client says
    }
    return in.finish(std::move(order));
}

remoting_command encode_end_transaction_failure(const error& failure) {
    auto answer = encode_failure(failure);
    if (failure.code == errc::not_permitted)
        answer.code = protocol::response_code::illegal_operation;
    else if (failure.code == errc::message_not_found || failure.code == errc::argument_illegal)
        answer.code = protocol::response_code::system_error;
    return answer;
}

template <>
remoting_command encode_request(const list_transactions& order) {
    auto command = request_of(code::troupe_list_transactions);
    command.fields.set("group", order.group);
    command.fields.set("after", order.after.value());
    command.fields.set("maxTransactions", order.transactions_max);
    if (order.of_given_up) {
        command.fields.set("givenUp", "true");
        command.fields.set("from", order.from.value());
    }
    return command;
}
template <>
result<list_transactions> decode_request(const remoting_command& command) {
    field_reader in{command};
    list_transactions order;
    order.group = in.text_or("group");
    order.after = log_position{in.int64_or("after", 0)};
    order.transactions_max = in.int32_or("maxTransactions", order.transactions_max);
    order.of_given_up = in.boolean_or("givenUp", false);
    order.from = queue_offset{in.int64_or("from", 0)};
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const transactions_listed& answer) {
    return answer_of(protocol::encode_transaction_list(answer.list));
}
template <>
result<transactions_listed> decode_answer(const remoting_command& command) {
    return message_of_body<transactions_listed>(command, protocol::decode_transaction_list);
}

template <>
remoting_command encode_request(const resume_transaction& order) {
    auto command = request_of(code::resume_check_half_message);
    command.fields.set("topic", order.topic);
    command.fields.set("msgId", order.message_id);
    return command;
}
template <>
result<resume_transaction> decode_request(const remoting_command& command) {
    field_reader in{command};
    resume_transaction order;
    order.message_id = shortened(in.text("msgId"));
    order.topic = shortened(in.text_or("topic"));
    return in.finish(std::move(order));
}
template <>
remoting_command encode_answer(const transaction_resumed& answer) {
    remoting_command command;
    command.fields.set("msgId", answer.offset_message_id);
    command.fields.set("commitLogOffset", answer.position.value());
    command.fields.set("tranStateTableOffset", answer.offset.value());
    return command;
}
template <>
result<transaction_resumed> decode_answer(const remoting_command& command) {
    field_reader in{command};
    transaction_resumed answer;
    answer.offset_message_id = in.text_or("msgId");
    answer.position = log_position{in.int64_or("commitLogOffset", 0)};
    answer.offset = queue_offset{in.int64_or("tranStateTableOffset", 0)};
    return in.finish(std::move(answer));
}

// ---- to a client ----------------------------------------------------------------------------------------------------

template <>
remoting_command encode_request(const check_transaction& order) {
    auto command = request_of(code::check_transaction_state);
    command.flag = protocol::command_flag::oneway;
    auto& fields = command.fields;
    fields.set("tranStateTableOffset", order.offset.value());
    fields.set("commitLogOffset", order.position.value());
    fields.set("msgId", order.unique_key);
    fields.set("transactionId", order.unique_key);
    fields.set("offsetMsgId", order.offset_message_id);
    fields.set("topic", order.topic);
    fields.set("bname", order.broker_name);
    command.body = order.record;
    return command;
}
template <>
result<check_transaction> decode_request(const remoting_command& command) {
    field_reader in{command};
    check_transaction order;
    order.offset = in.number<queue_offset>("tranStateTableOffset");
    order.position = in.number<log_position>("commitLogOffset");
    order.unique_key = in.text_or("msgId");
    order.offset_message_id = in.text_or("offsetMsgId");
    order.topic = in.text_or("topic");
    order.broker_name = in.text_or("bname");
    order.record = command.body;
    // Whose it is stands in the message only.
    if (const auto half = protocol::decode_record(command.body))
        order.group = protocol::find_property(half->properties, protocol::property_name::producer_group).value_or("");
    return in.finish(std::move(order));
}

} // namespace troupe::actors::net
