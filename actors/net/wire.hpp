#pragma once

#include "actors/messages.hpp"
#include "protocol/remoting_command.hpp"

/// What roles say to each other, as remoting commands: one pair of functions per message, used by the gateway on one side
/// and the proxy on the other. Field by field as the reference says: "remoting-client.md" 3 to 5, "remoting-admin.md" 1, 2.
namespace troupe::actors::net {

/// The order as a request, without opaque and codec.
template <class Request>
protocol::remoting_command encode_request(const Request& order);
/// Fails with protocol_error, naming the field or body that is missing or wrong.
template <class Request>
result<Request> decode_request(const protocol::remoting_command& command);

/// The result as an answer, without opaque and codec.
template <class Answer>
protocol::remoting_command encode_answer(const Answer& answer);
/// `command` is an answer with a success code. Fails with protocol_error.
template <class Answer>
result<Answer> decode_answer(const protocol::remoting_command& command);

/// An answer that says what went wrong.
protocol::remoting_command encode_failure(const error& failure);
/// The opposite: the error an answer carries, none if it is a success. Pulls have several codes that are none.
error failure_of(std::int32_t request_code, const protocol::remoting_command& answer);

/// Makes `answer` the answer to a request with this opaque and header form.
void address_answer(protocol::remoting_command& answer, std::int32_t opaque, protocol::header_codec codec);

} // namespace troupe::actors::net
