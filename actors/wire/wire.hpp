#pragma once

#include "actors/messages/messages.hpp"
#include "actors/wire/remote_requests.hpp"
#include "protocol/remoting_command.hpp"

#include <type_traits>

/// What roles say to each other, as remoting commands: one pair of functions per message, used by the gateway on one side
/// and the proxy on the other; for a message that is in no table they do not compile. Fields are those of RocketMQ's request and response
/// headers (SendMessageRequestHeader, ...).
namespace troupe::actors::net {

/// The order as a request, without opaque and codec.
template <class Request>
protocol::remoting_command encode_request(const Request& order) = delete;
/// Fails with protocol_error, naming the field or body that is missing or wrong.
template <class Request>
result<Request> decode_request(const protocol::remoting_command& command) = delete;

/// The result as an answer, without opaque and codec. A bare one is success alone.
template <class Answer>
protocol::remoting_command encode_answer(const Answer& /*answer*/) {
    static_assert(std::is_empty_v<Answer>, "an answer with members has a row in a table, and that table's header is to be included");
    return {};
}
/// `command` is an answer with a success code. Fails with protocol_error.
template <class Answer>
result<Answer> decode_answer(const protocol::remoting_command& /*command*/) {
    static_assert(std::is_empty_v<Answer>, "an answer with members has a row in a table, and that table's header is to be included");
    return Answer{};
}

/// An answer that says what went wrong. A text that quotes a request may be long, so the remark is cut to a kilobyte.
protocol::remoting_command encode_failure(const error& failure);
/// The same for a pull, where RocketMQ has a code of its own for a filter that the broker cannot run (system_error), and says what forbids one.
protocol::remoting_command encode_pull_failure(const error& failure, forbidden_by forbidden = forbidden_by::nothing);
/// The opposite: the error an answer carries, none if it is a success. Pulls have several codes that are none.
error failure_of(std::int32_t request_code, const protocol::remoting_command& answer);

/// The bytes of `answer`'s frame before its body. An answer that fits into no frame becomes one that says so.
std::string encode_answer_head(protocol::remoting_command& answer);

/// Makes `answer` the answer to a request with this opaque and header form.
void address_answer(protocol::remoting_command& answer, std::int32_t opaque, protocol::header_codec codec);

// ---- which messages there are ---------------------------------------------------------------------------------------

// What proxies of remote roles serve is in the tables of remote_requests.hpp: this declares the four functions above for each of their
// rows, which are defined in the wire_*.cpp of their kind. What is only asked of this process, or of a client, has rows of its own, here
// and in the headers beside this one: SERVED for an order and its answer as whoever is asked needs them, ASKED as whoever asks, BOTH for
// all four. Rows of one name are for what has no other half of its own. Each of these is defined in the source with the name of its header.
// BARE: the answer has no members and nothing but success is said, so it has no functions of its own.
#define TROUPE_WIRE_BOTH(order, answer) TROUPE_WIRE_SERVED(order, answer) TROUPE_WIRE_ASKED(order, answer)
#define TROUPE_WIRE_SERVED(order, answer) TROUPE_WIRE_SERVED_ORDER(order) TROUPE_WIRE_SERVED_ANSWER(answer)
#define TROUPE_WIRE_ASKED(order, answer) TROUPE_WIRE_ASKED_ORDER(order) TROUPE_WIRE_ASKED_ANSWER(answer)
#define TROUPE_WIRE_BOTH_BARE(order, answer) TROUPE_WIRE_ORDER(order)
#define TROUPE_WIRE_SERVED_BARE(order, answer) TROUPE_WIRE_SERVED_ORDER(order)
#define TROUPE_WIRE_ORDER(order) TROUPE_WIRE_SERVED_ORDER(order) TROUPE_WIRE_ASKED_ORDER(order)
#define TROUPE_WIRE_SERVED_ORDER(order)                                                                                                    \
    template <>                                                                                                                            \
    result<order> decode_request(const protocol::remoting_command&);
#define TROUPE_WIRE_ASKED_ORDER(order)                                                                                                     \
    template <>                                                                                                                            \
    protocol::remoting_command encode_request(const order&);
#define TROUPE_WIRE_SERVED_ANSWER(answer)                                                                                                  \
    template <>                                                                                                                            \
    protocol::remoting_command encode_answer(const answer&);
#define TROUPE_WIRE_ASKED_ANSWER(answer)                                                                                                   \
    template <>                                                                                                                            \
    result<answer> decode_answer(const protocol::remoting_command&);

TROUPE_BROKER_REQUESTS(TROUPE_WIRE_BOTH, TROUPE_WIRE_BOTH_BARE)
TROUPE_NAME_SERVER_REQUESTS(TROUPE_WIRE_BOTH, TROUPE_WIRE_BOTH_BARE)
TROUPE_WIRE_ORDER(consumers_changed) // one-way, to a client; in wire_broker.cpp

} // namespace troupe::actors::net
