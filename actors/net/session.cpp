#include "actors/net/session.hpp"

#include "actors/net/session_requests.hpp"
#include "actors/wire/wire_members.hpp"
#include "actors/wire/wire_transaction.hpp"
#include "protocol/request_table.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <set>
#include <utility>
#include <vector>

namespace troupe::actors::net {

using protocol::remoting_command;

void answer(session_pointer self, const request_ticket& request, remoting_command response) {
    session_answered message{self->state.connection, {}, false, false};
    if (!request.oneway) {
        address_answer(response, request.opaque, request.codec);
        message.frame = encode_answer_head(response);
        message.frame += response.body.view();
    }
    self->send(self->state.gateway, std::move(message));
}

namespace {

using handler_tables = std::vector<const request_handlers*>;

const handler_tables& broker_tables() {
    static const handler_tables all{&client_handlers(), &delivery_handlers(), &pop_handlers(),    &lookup_handlers(),
                                    &topic_handlers(),  &settings_handlers(), &member_handlers(), &operator_handlers()};
    return all;
}

const handler_tables& name_server_tables() {
    static const handler_tables all{&name_server_handlers(), &name_server_admin_handlers()};
    return all;
}

request_handler find_handler(const handler_tables& tables, std::int32_t code) {
    for (const auto* table : tables)
        if (const auto found = table->find(code); found != table->end())
            return found->second;
    return nullptr;
}

void dispatch(session_pointer self, const remoting_command& command) {
    const auto& roles = self->state.roles;
    if (roles.broker)
        if (const auto handle = find_handler(broker_tables(), command.code))
            return handle(self, command);
    if (roles.name_server)
        if (const auto handle = find_handler(name_server_tables(), command.code))
            return handle(self, command);
    const request_ticket ticket{command.opaque, command.codec, command.is_oneway()};
    answer(self, ticket,
           encode_failure({errc::not_supported, "request type " + protocol::describe_request(command.code) + " not supported"}));
}

// ---- requests to the client -----------------------------------------------------------------------------------------

constexpr std::size_t pushes_max = 256;
constexpr std::size_t push_bytes_max = 16u << 20;

/// Sends the client a request; its answer, read by `read`, answers `order`.
template <class Answer, class Order, class Read>
caf::result<Answer> push(session_pointer self, const Order& order, std::chrono::milliseconds timeout, Read read) {
    auto command = encode_request(order);
    auto promise = self->make_response_promise<Answer>();
    const auto done = [promise, read](const result<remoting_command>& outcome) mutable {
        auto answer = outcome ? read(*outcome) : result<Answer>{outcome.failure()};
        if (answer)
            promise.deliver(std::move(*answer));
        else
            promise.deliver(make_caf_error(answer.failure()));
    };
    const auto opaque = self->state.pushes.add(command.body.size(), self->clock().now() + timeout, done);
    if (!opaque) {
        promise.deliver(make_caf_error(opaque.failure()));
        return promise;
    }
    command.opaque = *opaque;
    auto frame = protocol::encode_frame_head(command, command.body.size());
    if (!frame) {
        self->state.pushes.fail(*opaque, frame.failure());
        return promise;
    }
    *frame += command.body.view();
    self->send(self->state.gateway, session_answered{self->state.connection, std::move(*frame), true, true});
    self->delayed_send(self, timeout, push_tick{});
    return promise;
}

/// For answers that are wrong unless their code is success.
template <class Answer>
result<Answer> read_success(const remoting_command& answer) {
    if (const auto failure = failure_of(0, answer); failure.code != errc::none)
        return failure;
    return decode_answer<Answer>(answer);
}

void end(session_pointer self) {
    self->state.pushes.fail_all({errc::connection_lost, "the client's connection has ended before its answer"});
    self->quit(caf::exit_reason::user_shutdown);
}

session_actor::behavior_type session(session_pointer self, connection_id connection, const protocol::host_address& peer,
                                     gateway_roles roles, gateway_options options, gateway_actor gateway) {
    self->state = {connection, peer, std::move(roles), options, std::move(gateway), push_table{pushes_max, push_bytes_max}};
    self->monitor(self->state.gateway);
    self->set_down_handler([self](const caf::down_msg&) { end(self); });
    return {
        [self](const consumers_changed& event) {
            const auto command = encode_request(event);
            if (auto frame = protocol::encode_frame_head(command, 0))
                self->send(self->state.gateway, session_answered{self->state.connection, std::move(*frame), true, false});
        },
        [self](const forward_to_client& order) {
            return push<client_answered>(self, order, client_answer_timeout, decode_answer<client_answered>);
        },
        [self](const ask_client_status& order) {
            return push<client_status_told>(self, order, client_status_timeout, read_success<client_status_told>);
        },
        [self](const deliver_reply& order) {
            return push<reply_delivered>(self, order, client_answer_timeout, read_success<reply_delivered>);
        },
        [self](const check_transaction& question) -> caf::result<transaction_check_sent> {
            auto command = encode_request(question);
            auto frame = protocol::encode_frame_head(command, command.body.size());
            if (!frame)
                return make_caf_error(frame.failure());
            *frame += command.body.view();
            return self->delegate(self->state.gateway, client_question{self->state.connection, std::move(*frame)});
        },
        [self](const session_request& request) { dispatch(self, request.command); },
        [self](const push_answered& message) { self->state.pushes.answered(message.answer); },
        [self](const push_tick&) { self->state.pushes.expire(self->clock().now()); },
        [self](const session_closed&) { end(self); },
    };
}

} // namespace

session_actor spawn_session(caf::actor_system& system, connection_id connection, const protocol::host_address& peer, gateway_roles roles,
                            gateway_options options, const gateway_actor& gateway) {
    return system.spawn(session, connection, peer, std::move(roles), options, gateway);
}

std::vector<std::int32_t> served_requests() {
    std::set<std::int32_t> codes;
    for (const auto& tables : {broker_tables(), name_server_tables()})
        for (const auto* table : tables)
            for (const auto& entry : *table)
                codes.insert(entry.first);
    return {codes.begin(), codes.end()};
}

} // namespace troupe::actors::net
