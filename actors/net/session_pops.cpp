#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_pop.hpp"

namespace troupe::actors::net {

namespace code = protocol::request_code;
using protocol::remoting_command;

template <>
remoting_command encode_failure_of<acknowledge_messages>(const error& failure) {
    return encode_handle_failure(failure);
}
template <>
remoting_command encode_failure_of<change_invisible_time>(const error& failure) {
    return encode_handle_failure(failure);
}

namespace {

template <class Order, class Answer>
void ask_pops(session_pointer self, const remoting_command& command) {
    const auto& broker = *self->state.roles.broker;
    ask<Order, Answer>(self, broker.pop_acks, command, {}, broker.pop_orders.get());
}

} // namespace

const request_handlers& pop_handlers() {
    static const request_handlers all{
        {code::ack_message, ask_pops<acknowledge_messages, messages_acknowledged>},
        {code::batch_ack_message, ask_pops<acknowledge_messages, messages_acknowledged>},
        {code::change_message_invisible_time, ask_pops<change_invisible_time, invisible_time_changed>},
    };
    return all;
}

} // namespace troupe::actors::net
