#include "actors/wire/wire_lags.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

namespace troupe::actors::net {

using protocol::remoting_command;

template <>
remoting_command encode_request(const list_lags& order) {
    auto command = request_of(protocol::request_code::troupe_list_lags);
    command.fields.set("group", order.group);
    return command;
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
