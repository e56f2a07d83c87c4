#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_consumers.hpp"
#include "actors/wire/wire_members.hpp"
#include "actors/wire/wire_message_back.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

/// What the wire does not carry: who asks.
template <>
void complete(session_pointer self, send_messages& order) {
    order.born_host = self->state.peer;
}
template <>
void complete(session_pointer self, send_retry_message& order) {
    order.send.born_host = self->state.peer;
}
template <>
void complete(session_pointer self, lock_queues& order) {
    order.session = session_actor{self};
}
template <>
void complete(session_pointer self, remote_heartbeat& order) {
    order.heartbeat.session = session_actor{self};
    order.origin.address = self->state.peer;
    order.origin.connection = self->state.connection.value();
}

namespace {

void ask_send(session_pointer self, const remoting_command& command) {
    if (is_sent_to_retry_topic(command))
        ask<send_retry_message, messages_stored>(self, self->state.roles.broker->message_back, command);
    else
        ask<send_messages, messages_stored>(self, self->state.roles.broker->broker, command);
}

template <class Order, class Answer>
void ask_queue_locks(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->queue_locks, command);
}

} // namespace

const request_handlers& client_handlers() {
    static const request_handlers all{
        {code::send_message, ask_send},
        {code::send_message_v2, ask_send},
        {code::send_batch_message, ask_send},
        {code::query_consumer_offset, ask_broker<query_offset, offset_found>},
        {code::update_consumer_offset, ask_broker<commit_offset, offset_committed>},
        {code::get_max_offset, ask_broker<find_max_offset, offset_found>},
        {code::get_min_offset, ask_broker<find_min_offset, offset_found>},
        {code::search_offset_by_timestamp, ask_broker<search_offset, offset_found>},
        {code::heart_beat, ask_broker_members<remote_heartbeat, heartbeat_accepted>},
        {code::unregister_client, ask_broker<unregister_client, client_unregistered>},
        {code::get_consumer_list_by_group, ask_broker<list_group_members, group_members>},
        {code::lock_batch_mq, ask_queue_locks<lock_queues, queues_locked>},
        {code::unlock_batch_mq, ask_queue_locks<unlock_queues, queues_unlocked>},
        {code::check_client_config, ask_broker_members<check_subscription, subscription_checked>},
    };
    return all;
}

} // namespace troupe::actors::net
