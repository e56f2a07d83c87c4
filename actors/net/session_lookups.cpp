#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_lookup.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

template <>
void complete(session_pointer self, find_messages& order) {
    order.given_up = self->clock().now() + self->state.options.request_timeout;
}

namespace {

template <class Order, class Answer>
void ask_finder(session_pointer self, const remoting_command& command) {
    const auto& broker = *self->state.roles.broker;
    ask<Order, Answer>(self, broker.message_finder, command, {}, broker.lookups.get());
}

} // namespace

const request_handlers& lookup_handlers() {
    static const request_handlers all{
        {code::query_message, ask_finder<find_messages, messages_found>},
        {code::view_message_by_id, ask_finder<find_message, message_found>},
        {code::get_earliest_msg_storetime, ask_finder<find_first_stored, first_stored_found>},
        {code::query_consume_queue, ask_finder<browse_queue, queue_browsed>},
        {code::query_consume_time_span, ask_finder<describe_time_spans, time_spans_described>},
    };
    return all;
}

} // namespace troupe::actors::net
