#pragma once

#include "actors/messages/messages.hpp"
#include "protocol/remoting_command.hpp"

/// What roles say to each other, as remoting commands: one pair of functions per message, used by the gateway on one side
/// and the proxy on the other. Fields are those of RocketMQ's request and response headers (SendMessageRequestHeader, ...).
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

/// An answer that says what went wrong. A text that quotes a request may be long, so the remark is cut to a kilobyte.
protocol::remoting_command encode_failure(const error& failure);
/// The same for a pull, where RocketMQ has a code of its own for a filter that the broker cannot run (system_error).
protocol::remoting_command encode_pull_failure(const error& failure);
/// The opposite: the error an answer carries, none if it is a success. Pulls have several codes that are none.
error failure_of(std::int32_t request_code, const protocol::remoting_command& answer);

/// The bytes of `answer`'s frame before its body. An answer that fits into no frame becomes one that says so.
std::string encode_answer_head(protocol::remoting_command& answer);

/// Makes `answer` the answer to a request with this opaque and header form.
void address_answer(protocol::remoting_command& answer, std::int32_t opaque, protocol::header_codec codec);

// Which messages there are; each is defined in wire_broker.cpp, wire_admin.cpp or wire_name_server.cpp.
#define TROUPE_WIRE_ORDER(order)                                                                                                           \
    template <>                                                                                                                            \
    protocol::remoting_command encode_request(const order&);                                                                               \
    template <>                                                                                                                            \
    result<order> decode_request(const protocol::remoting_command&);
#define TROUPE_WIRE_ANSWER(answer)                                                                                                         \
    template <>                                                                                                                            \
    protocol::remoting_command encode_answer(const answer&);                                                                               \
    template <>                                                                                                                            \
    result<answer> decode_answer(const protocol::remoting_command&);

TROUPE_WIRE_ORDER(send_messages)
TROUPE_WIRE_ORDER(pull_messages)
TROUPE_WIRE_ORDER(commit_offset)
TROUPE_WIRE_ORDER(query_offset)
TROUPE_WIRE_ORDER(find_max_offset)
TROUPE_WIRE_ORDER(find_min_offset)
TROUPE_WIRE_ORDER(search_offset)
TROUPE_WIRE_ORDER(client_heartbeat)
TROUPE_WIRE_ORDER(unregister_client)
TROUPE_WIRE_ORDER(list_group_members)
TROUPE_WIRE_ORDER(consumers_changed)
TROUPE_WIRE_ORDER(put_topic)
TROUPE_WIRE_ORDER(delete_topic)
TROUPE_WIRE_ORDER(list_topics)
TROUPE_WIRE_ORDER(describe_topic)
TROUPE_WIRE_ORDER(put_group)
TROUPE_WIRE_ORDER(delete_group)
TROUPE_WIRE_ORDER(list_groups)
TROUPE_WIRE_ORDER(describe_group)
TROUPE_WIRE_ORDER(describe_broker)
TROUPE_WIRE_ORDER(register_broker)
TROUPE_WIRE_ORDER(unregister_broker)
TROUPE_WIRE_ORDER(broker_heartbeat)
TROUPE_WIRE_ORDER(find_route)
TROUPE_WIRE_ORDER(describe_cluster)
TROUPE_WIRE_ORDER(list_all_topics)
TROUPE_WIRE_ORDER(forget_route)
TROUPE_WIRE_ANSWER(messages_stored)
TROUPE_WIRE_ANSWER(messages_pulled)
TROUPE_WIRE_ANSWER(offset_committed)
TROUPE_WIRE_ANSWER(offset_found)
TROUPE_WIRE_ANSWER(heartbeat_accepted)
TROUPE_WIRE_ANSWER(client_unregistered)
TROUPE_WIRE_ANSWER(group_members)
TROUPE_WIRE_ANSWER(topic_put)
TROUPE_WIRE_ANSWER(topic_deleted)
TROUPE_WIRE_ANSWER(topics_listed)
TROUPE_WIRE_ANSWER(topic_described)
TROUPE_WIRE_ANSWER(group_put)
TROUPE_WIRE_ANSWER(group_deleted)
TROUPE_WIRE_ANSWER(groups_listed)
TROUPE_WIRE_ANSWER(group_described)
TROUPE_WIRE_ANSWER(broker_described)
TROUPE_WIRE_ANSWER(broker_registered)
TROUPE_WIRE_ANSWER(broker_unregistered)
TROUPE_WIRE_ANSWER(route_found)
TROUPE_WIRE_ANSWER(cluster_described)
TROUPE_WIRE_ANSWER(all_topics)
TROUPE_WIRE_ANSWER(route_forgotten)

#undef TROUPE_WIRE_ORDER
#undef TROUPE_WIRE_ANSWER

} // namespace troupe::actors::net
