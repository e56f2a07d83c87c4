#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_lookup.hpp"
#include "actors/wire/wire_members.hpp"
#include "protocol/vocabulary/names.hpp"

#include <utility>

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

void browse_with(session_pointer self, const request_ticket& ticket, browse_queue order) {
    const auto& broker = *self->state.roles.broker;
    ask_with<browse_queue, queue_browsed>(self, broker.message_finder, ticket, std::move(order), {}, broker.lookups.get());
}

template <class Answer, class Question, class Then>
void ask_members(session_pointer self, const request_ticket& ticket, Question question, Then then) {
    self->request(self->state.roles.broker->members, self->state.options.request_timeout, std::move(question))
        .then([then](const Answer& given) { then(given); },
              [self, ticket](const caf::error& failure) { answer(self, ticket, encode_failure(to_error(failure))); });
}

/// What the group wants, and whether it may pull so, is known to the broker, and what the queue holds to the message finder.
void browse(session_pointer self, const remoting_command& command) {
    auto order = decode_request<browse_queue>(command);
    const auto ticket = ticket_of(command);
    if (!order)
        return answer(self, ticket, encode_failure(order.failure()));
    if (order->group.empty())
        return browse_with(self, ticket, std::move(*order));
    if (const auto legal = check_group_name(order->group); !legal)
        return answer(self, ticket, encode_failure(legal.failure()));
    find_subscription question{order->group, order->queue.topic};
    ask_members<subscription_found>(self, ticket, std::move(question), [self, ticket, browsed = *order](const subscription_found& found) {
        if (found.subscription.empty())
            return browse_with(self, ticket, browsed);
        auto with_wishes = browsed;
        with_wishes.wanted = found.subscription.front();
        check_subscription pullable{*with_wishes.wanted};
        ask_members<subscription_checked>(self, ticket, std::move(pullable),
                                          [self, ticket, with_wishes](const subscription_checked& checked) {
                                              auto complete_order = with_wishes;
                                              complete_order.refusal = checked.problem.text;
                                              browse_with(self, ticket, std::move(complete_order));
                                          });
    });
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
