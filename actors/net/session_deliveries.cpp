#include "actors/net/session_requests.hpp"
#include "actors/schedule/timer_keeper.hpp"
#include "actors/wire/wire_message_back.hpp"
#include "actors/wire/wire_transaction.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

template <>
remoting_command encode_failure_of<send_message_back>(const error& failure) {
    return encode_message_back_failure(failure);
}
template <>
remoting_command encode_failure_of<end_transaction>(const error& failure) {
    return encode_end_transaction_failure(failure);
}

template <>
void complete(session_pointer self, list_timers& order) {
    order.given_up = self->clock().now() + self->state.options.request_timeout;
}

template <>
void complete(session_pointer self, list_transactions& order) {
    order.given_up = self->clock().now() + self->state.options.request_timeout;
}

template <>
void complete(session_pointer self, resume_transaction& order) {
    order.given_up = self->clock().now() + self->state.options.request_timeout;
}

namespace {

void ask_message_back(session_pointer self, const remoting_command& command) {
    ask<send_message_back, message_sent_back>(self, self->state.roles.broker->message_back, command);
}

void ask_end_transaction(session_pointer self, const remoting_command& command) {
    ask<end_transaction, transaction_ended>(self, self->state.roles.broker->transactions, command);
}

/// Of people. They read the disk where decisions are made, so few may wait there.
template <class Order, class Answer>
void ask_transactions(session_pointer self, const remoting_command& command) {
    const auto& broker = *self->state.roles.broker;
    auto order = decode_request<Order>(command);
    if (!order)
        return answer(self, ticket_of(command), encode_failure_of<Order>(order.failure()));
    const auto& room = broker.transaction_orders;
    if (!room->try_acquire(1))
        return answer(self, ticket_of(command), encode_failure(crowded(*room)));
    order->room = std::make_shared<const admitted>(room, 1);
    ask_with<Order, Answer>(self, broker.transactions, ticket_of(command), std::move(*order));
}

template <class Order, class Answer>
void ask_timers(session_pointer self, const remoting_command& command) {
    const auto& broker = *self->state.roles.broker;
    ask<Order, Answer>(self, broker.timers, command, {}, broker.timer_orders.get());
}

} // namespace

const request_handlers& delivery_handlers() {
    static const request_handlers all{
        {code::consumer_send_msg_back, ask_message_back},
        {code::end_transaction, ask_end_transaction},
        {code::resume_check_half_message, ask_transactions<resume_transaction, transaction_resumed>},
        {code::troupe_list_transactions, ask_transactions<list_transactions, transactions_listed>},
        {code::recall_message, ask_timers<recall_message, message_recalled>},
        {code::troupe_list_timers, ask_timers<list_timers, timers_listed>},
        {code::troupe_find_timer, ask_timers<find_timer, timer_found>},
        {code::troupe_cancel_timer, ask_timers<cancel_timer, timer_cancelled>},
    };
    return all;
}

} // namespace troupe::actors::net
