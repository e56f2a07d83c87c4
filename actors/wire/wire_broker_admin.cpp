#include "actors/wire/wire_broker_admin.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/request_code.hpp"

#include <utility>

/// Fields: those that RocketMQ's AdminBrokerProcessor reads and answers.
namespace troupe::actors::net {

using protocol::remoting_command;

template <>
remoting_command encode_request(const find_group_config& order) {
    remoting_command command;
    command.code = protocol::request_code::get_subscription_group_config;
    command.fields.set("group", order.group);
    return command;
}
template <>
result<find_group_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_group_config{in.text("group")});
}
template <>
remoting_command encode_answer(const group_config_found& answer) {
    return answer_of(protocol::encode_group_config(answer.group));
}
template <>
result<group_config_found> decode_answer(const remoting_command& command) {
    auto group = protocol::decode_group_config(command.body.view());
    if (!group)
        return group.failure();
    return group_config_found{std::move(*group)};
}

} // namespace troupe::actors::net
