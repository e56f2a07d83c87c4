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

// ---- which messages there are ---------------------------------------------------------------------------------------

// Tables list them, here and in the headers beside this one: a row declares the four functions above for an order and its answer, or those
// two that are needed when this process is only asked (SERVED) or only asks (ASKED). Rows of one name are for what has no other half of its
// own. Each is defined in the source with the name of its header, those of this table in wire_broker.cpp, wire_admin.cpp and
// wire_name_server.cpp.
#define TROUPE_WIRE_BOTH(order, answer) TROUPE_WIRE_SERVED(order, answer) TROUPE_WIRE_ASKED(order, answer)
#define TROUPE_WIRE_SERVED(order, answer) TROUPE_WIRE_SERVED_ORDER(order) TROUPE_WIRE_SERVED_ANSWER(answer)
#define TROUPE_WIRE_ASKED(order, answer) TROUPE_WIRE_ASKED_ORDER(order) TROUPE_WIRE_ASKED_ANSWER(answer)
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

// Producers and consumers
TROUPE_WIRE_BOTH(send_messages, messages_stored)
TROUPE_WIRE_BOTH(pull_messages, messages_pulled)
TROUPE_WIRE_BOTH(commit_offset, offset_committed)
TROUPE_WIRE_BOTH(query_offset, offset_found)
TROUPE_WIRE_ORDER(find_max_offset) // answered like query_offset, as the next two
TROUPE_WIRE_ORDER(find_min_offset)
TROUPE_WIRE_ORDER(search_offset)
TROUPE_WIRE_BOTH(client_heartbeat, heartbeat_accepted)
TROUPE_WIRE_BOTH(unregister_client, client_unregistered)
TROUPE_WIRE_BOTH(list_group_members, group_members)
TROUPE_WIRE_ORDER(consumers_changed) // one-way

// Administration of a broker
TROUPE_WIRE_BOTH(put_topic, topic_put)
TROUPE_WIRE_BOTH(delete_topic, topic_deleted)
TROUPE_WIRE_BOTH(list_topics, topics_listed)
TROUPE_WIRE_BOTH(describe_topic, topic_described)
TROUPE_WIRE_BOTH(put_group, group_put)
TROUPE_WIRE_BOTH(delete_group, group_deleted)
TROUPE_WIRE_BOTH(list_groups, groups_listed)
TROUPE_WIRE_BOTH(describe_group, group_described)
TROUPE_WIRE_BOTH(describe_broker, broker_described)

// A name server
TROUPE_WIRE_BOTH(register_broker, broker_registered)
TROUPE_WIRE_ORDER(broker_heartbeat) // answered like register_broker
TROUPE_WIRE_BOTH(unregister_broker, broker_unregistered)
TROUPE_WIRE_BOTH(find_route, route_found)
TROUPE_WIRE_BOTH(describe_cluster, cluster_described)
TROUPE_WIRE_BOTH(list_all_topics, all_topics)
TROUPE_WIRE_BOTH(forget_route, route_forgotten)

} // namespace troupe::actors::net
