#include "actors/wire/wire_consumers.hpp"

#include "actors/wire/wire_codec.hpp"
#include "protocol/consumer_bodies.hpp"
#include "protocol/request_code.hpp"

/// RocketMQ: LockBatchRequestBody, UnlockBatchRequestBody, LockBatchResponseBody.
namespace troupe::actors::net {

using protocol::remoting_command;

template <>
result<lock_queues> decode_request(const remoting_command& command) {
    return message_of_body<lock_queues>(command, protocol::decode_queue_lock_request);
}
template <>
remoting_command encode_request(const lock_queues& order) {
    return request_of(protocol::request_code::lock_batch_mq, protocol::encode_queue_lock_request(order.request));
}
template <>
remoting_command encode_answer(const queues_locked& answer) {
    return answer_of(protocol::encode_locked_queues(answer.queues));
}
template <>
result<queues_locked> decode_answer(const remoting_command& command) {
    return message_of_body<queues_locked>(command, protocol::decode_locked_queues);
}

template <>
result<unlock_queues> decode_request(const remoting_command& command) {
    return message_of_body<unlock_queues>(command, protocol::decode_queue_lock_request);
}
template <>
remoting_command encode_request(const unlock_queues& order) {
    return request_of(protocol::request_code::unlock_batch_mq, protocol::encode_queue_lock_request(order.request));
}

template <>
result<check_subscription> decode_request(const remoting_command& command) {
    auto check = protocol::decode_client_config_check(command.body.view());
    if (!check)
        return check.failure();
    return check_subscription{std::move(check->subscription)};
}
template <>
remoting_command encode_answer(const subscription_checked& answer) {
    return answer.problem.code == errc::none ? remoting_command{} : encode_pull_failure(answer.problem);
}

} // namespace troupe::actors::net
