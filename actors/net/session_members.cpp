#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_members.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

template <>
void complete(session_pointer self, send_reply& order) {
    order.message.born_host = self->state.peer;
}

namespace {

/// For what the broker asks of another client in turn.
template <class Order, class Answer>
void ask_through_broker(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->members, command, client_answer_timeout);
}

} // namespace

const request_handlers& member_handlers() {
    static const request_handlers all{
        {code::send_reply_message, ask_through_broker<send_reply, messages_stored>},
        {code::send_reply_message_v2, ask_through_broker<send_reply, messages_stored>},
        {code::get_consumer_connection_list, ask_broker_members<list_consumer_connections, consumer_connections_listed>},
        {code::get_producer_connection_list, ask_broker_members<list_producer_connections, producer_connections_listed>},
        {code::get_all_producer_info, ask_broker_members<list_producers, producers_listed>},
        {code::query_topic_consume_by_who, ask_broker_members<list_topic_readers, topic_readers_listed>},
        {code::query_topics_by_consumer, ask_broker_members<list_group_topics, group_topics_listed>},
        {code::query_subscription_by_consumer, ask_broker_members<find_subscription, subscription_found>},
        {code::get_consumer_running_info, ask_through_broker<ask_member, client_answered>},
        {code::consume_message_directly, ask_through_broker<ask_member, client_answered>},
        {code::invoke_broker_to_get_consumer_status, ask_through_broker<ask_members_status, members_status_told>},
        {code::invoke_broker_to_reset_offset, ask_broker_members<reset_offsets, offsets_reset>},
        {code::clone_group_offset, ask_broker_members<clone_offsets, offsets_cloned>},
    };
    return all;
}

} // namespace troupe::actors::net
