#include "actors/wire/wire_broker_admin.hpp"

#include "actors/wire/wire_codec.hpp"

/// Fields: those that RocketMQ's AdminBrokerProcessor reads and answers.
namespace troupe::actors::net {

using protocol::remoting_command;

template <>
result<find_group_config> decode_request(const remoting_command& command) {
    field_reader in{command};
    return in.finish(find_group_config{in.text("group")});
}
template <>
remoting_command encode_answer(const group_config_found& answer) {
    return answer_of(protocol::encode_group_config(answer.group));
}

} // namespace troupe::actors::net
