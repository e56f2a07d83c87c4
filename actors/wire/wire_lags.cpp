#include "actors/messages/lag_messages.hpp"
#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

/// Slow consumers; all of it is Troupe's own.
namespace troupe::actors::net {

using protocol::remoting_command;

template <>
remoting_command encode_request(const list_lags& order) {
    return request_about(protocol::request_code::troupe_list_lags, "group", order.group);
}
template <>
result<list_lags> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(list_lags{in.text_or("group")});
}
template <>
remoting_command encode_answer(const lags_listed& answer) {
    return answer_of(protocol::encode_group_lags(answer.groups));
}
template <>
result<lags_listed> decode_answer(const remoting_command& command) {
    return message_of_body<lags_listed>(command, protocol::decode_group_lags);
}

} // namespace troupe::actors::net
