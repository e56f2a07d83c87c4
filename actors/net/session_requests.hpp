#pragma once

#include "actors/messages/type_ids.hpp"
#include "actors/net/push_table.hpp"
#include "actors/net/session.hpp"
#include "actors/wire/wire.hpp"
#include "protocol/request_code.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

/// How a session asks a role for one request. For the `session_*.cpp` only: each of them has the requests of one kind, because a request
/// is a template of its own, and all of them in one file took a gigabyte to compile.
namespace troupe::actors::net {

struct session_state {
    static inline const char* name = "session";

    connection_id connection;
    protocol::host_address peer;
    gateway_roles roles;
    gateway_options options;
    gateway_actor gateway; ///< whose end is this actor's end, so holding it keeps nobody alive for long
    push_table pushes{0, 0};
};

using session_pointer = session_actor::stateful_pointer<session_state>;

/// What an answer needs to know of its request.
struct request_ticket {
    std::int32_t opaque = 0;
    protocol::header_codec codec = protocol::header_codec::json;
    bool oneway = false;
};

void answer(session_pointer self, const request_ticket& request, protocol::remoting_command response);

using request_handler = void (*)(session_pointer, const protocol::remoting_command&);
/// By request code.
using request_handlers = std::unordered_map<std::int32_t, request_handler>;

// What a broker answers.
const request_handlers& client_handlers();   ///< sends, offsets, members, locks
const request_handlers& delivery_handlers(); ///< messages given back, transactions, timers
const request_handlers& pop_handlers();      ///< acknowledgements: the gateway itself has the pops
const request_handlers& lookup_handlers();
const request_handlers& topic_handlers();
const request_handlers& settings_handlers();
const request_handlers& member_handlers();
const request_handlers& operator_handlers(); ///< what RocketMQ has no requests for
// What a name server answers.
const request_handlers& name_server_handlers();
const request_handlers& name_server_admin_handlers();

/// What the wire does not carry: who asks. An order that needs it has an overload beside its handler.
template <class Order>
void complete(session_pointer, Order&) {}

template <class Order>
protocol::remoting_command encode_failure_of(const error& failure) {
    return encode_failure(failure);
}

inline request_ticket ticket_of(const protocol::remoting_command& command) {
    return {command.opaque, command.codec, command.is_oneway()};
}

inline error crowded(const admission& room) {
    return {errc::busy, "more than " + std::to_string(room.amount_max()) + " requests like this one are waiting; repeat it later"};
}

/// Asks the role if there is room for what it does then, and encodes what it answers, with a deadline. `patience` is what the role
/// itself may wait.
template <class Order, class Answer, class Role>
void ask_with(session_pointer self, const Role& role, const request_ticket& ticket, Order order, std::chrono::milliseconds patience = {},
              admission* room = nullptr) {
    if (room != nullptr && !room->try_acquire(1))
        return answer(self, ticket, encode_failure(crowded(*room)));
    complete(self, order);
    self->request(role, self->state.options.request_timeout + patience, std::move(order))
        .then([self, ticket](const Answer& given) { answer(self, ticket, encode_answer(given)); },
              [self, ticket](const caf::error& failure) { answer(self, ticket, encode_failure_of<Order>(to_error(failure))); });
}

/// Decodes the order first.
template <class Order, class Answer, class Role>
void ask(session_pointer self, const Role& role, const protocol::remoting_command& command, std::chrono::milliseconds patience = {},
         admission* room = nullptr) {
    auto order = decode_request<Order>(command);
    if (!order)
        return answer(self, ticket_of(command), encode_failure_of<Order>(order.failure()));
    ask_with<Order, Answer>(self, role, ticket_of(command), std::move(*order), patience, room);
}

template <class Order, class Answer>
void ask_broker(session_pointer self, const protocol::remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->broker, command);
}

template <class Order, class Answer>
void ask_broker_admin(session_pointer self, const protocol::remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->admin, command);
}

template <class Order, class Answer>
void ask_broker_members(session_pointer self, const protocol::remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->members, command);
}

} // namespace troupe::actors::net
