#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_lookup.hpp"
#include "actors/wire/wire_members.hpp"

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

/// What the group wants is known to the broker, and what the queue holds to the message finder.
void browse(session_pointer self, const remoting_command& command) {
    auto order = decode_request<browse_queue>(command);
    const auto ticket = ticket_of(command);
    if (!order)
        return answer(self, ticket, encode_failure(order.failure()));
    if (order->group.empty())
        return ask_finder<browse_queue, queue_browsed>(self, command);
    find_subscription question{order->group, order->queue.topic};
    self->request(self->state.roles.broker->members, self->state.options.request_timeout, std::move(question))
        .then(
            [self, ticket, browsed = std::move(*order)](const subscription_found& found) {
                auto complete_order = browsed;
                if (!found.subscription.empty())
                    complete_order.wanted = found.subscription.front();
                const auto& broker = *self->state.roles.broker;
                ask_with<browse_queue, queue_browsed>(self, broker.message_finder, ticket, std::move(complete_order), {},
                                                      broker.lookups.get());
            },
            [self, ticket](const caf::error& failure) { answer(self, ticket, encode_failure(to_error(failure))); });
}

} // namespace

const request_handlers& lookup_handlers() {
    static const request_handlers all{
        {code::query_message, ask_finder<find_messages, messages_found>},
        {code::view_message_by_id, ask_finder<find_message, message_found>},
        {code::get_earliest_msg_storetime, ask_finder<find_first_stored, first_stored_found>},
        {code::query_consume_queue, browse},
        {code::query_consume_time_span, ask_finder<describe_time_spans, time_spans_described>},
    };
    return all;
}

} // namespace troupe::actors::net
