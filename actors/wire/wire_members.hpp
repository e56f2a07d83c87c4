#pragma once

#include "actors/messages/member_messages.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for connected clients and the offsets of their groups: what a port decodes and answers, and what a session asks its
/// client.
namespace troupe::actors::net {

#define TROUPE_WIRE_SERVED(order, answer)                                                                                                  \
    template <>                                                                                                                            \
    result<order> decode_request(const protocol::remoting_command&);                                                                       \
    template <>                                                                                                                            \
    protocol::remoting_command encode_answer(const answer&);
#define TROUPE_WIRE_PUSHED(order, answer)                                                                                                  \
    template <>                                                                                                                            \
    protocol::remoting_command encode_request(const order&);                                                                               \
    template <>                                                                                                                            \
    result<answer> decode_answer(const protocol::remoting_command&);

template <>
result<remote_heartbeat> decode_request(const protocol::remoting_command&);
template <>
result<send_reply> decode_request(const protocol::remoting_command&);
TROUPE_WIRE_SERVED(list_consumer_connections, consumer_connections_listed)
TROUPE_WIRE_SERVED(list_members, members_listed)
TROUPE_WIRE_PUSHED(list_members, members_listed)
TROUPE_WIRE_SERVED(list_producer_connections, producer_connections_listed)
TROUPE_WIRE_SERVED(list_producers, producers_listed)
TROUPE_WIRE_SERVED(list_topic_readers, topic_readers_listed)
TROUPE_WIRE_SERVED(list_group_topics, group_topics_listed)
TROUPE_WIRE_SERVED(find_subscription, subscription_found)
TROUPE_WIRE_SERVED(ask_member, client_answered)
TROUPE_WIRE_SERVED(ask_members_status, members_status_told)
TROUPE_WIRE_SERVED(reset_offsets, offsets_reset)
TROUPE_WIRE_PUSHED(reset_offsets, offsets_reset)
TROUPE_WIRE_SERVED(clone_offsets, offsets_cloned)
TROUPE_WIRE_PUSHED(forward_to_client, client_answered)
TROUPE_WIRE_PUSHED(ask_client_status, client_status_told)
TROUPE_WIRE_SERVED(ask_client_status, client_status_told)
TROUPE_WIRE_PUSHED(deliver_reply, reply_delivered)
template <>
protocol::remoting_command encode_request(const send_reply&);
template <>
result<deliver_reply> decode_request(const protocol::remoting_command&);
template <>
protocol::remoting_command encode_answer(const reply_delivered&);
template <>
result<adopt_offsets> decode_request(const protocol::remoting_command&);

#undef TROUPE_WIRE_SERVED
#undef TROUPE_WIRE_PUSHED

} // namespace troupe::actors::net
