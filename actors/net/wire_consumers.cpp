#include "actors/net/wire_consumers.hpp"

#include "actors/net/wire_codec.hpp"
#include "actors/tag_expression.hpp"
#include "protocol/consumer_bodies.hpp"
#include "protocol/vocabulary/limits.hpp"

/// Fields: reference "remoting-client.md" 4.2.
namespace troupe::actors::net {

using protocol::remoting_command;

template <>
result<lock_queues> decode_request(const remoting_command& command) {
    return message_of_body<lock_queues>(command, protocol::decode_queue_lock_request);
}
template <>
remoting_command encode_answer(const queues_locked& answer) {
    return answer_of(protocol::encode_locked_queues(answer.queues));
}

template <>
result<unlock_queues> decode_request(const remoting_command& command) {
    return message_of_body<unlock_queues>(command, protocol::decode_queue_lock_request);
}
template <>
remoting_command encode_answer(const queues_unlocked&) {
    return {};
}

remoting_command answer_client_check(const remoting_command& command) {
    const auto check = protocol::decode_client_config_check(command.body.view());
    if (!check)
        return encode_failure(check.failure());
    const auto& subscription = check->subscription;
    if (subscription.expression.size() > limits::expression_bytes_max)
        return encode_failure({errc::subscription_illegal, "the expression for topic " + subscription.topic + " has " +
                                                               std::to_string(subscription.expression.size()) + " bytes; at most " +
                                                               std::to_string(limits::expression_bytes_max) + " are allowed"});
    const auto filter = parse_tag_expression(subscription.expression, subscription.expression_type);
    if (!filter)
        return encode_pull_failure(filter.failure()); // what a pull with this subscription would be answered
    return {};
}

} // namespace troupe::actors::net
