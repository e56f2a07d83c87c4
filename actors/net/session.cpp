#include "actors/net/session.hpp"

#include "actors/net/push_table.hpp"
#include "actors/net/wire.hpp"
#include "actors/net/wire_broker_admin.hpp"
#include "actors/net/wire_consumers.hpp"
#include "actors/net/wire_lookup.hpp"
#include "actors/net/wire_members.hpp"
#include "actors/net/wire_message_back.hpp"
#include "actors/net/wire_name_server_admin.hpp"
#include "actors/net/wire_settings.hpp"
#include "actors/net/wire_timers.hpp"
#include "actors/net/wire_transaction.hpp"
#include "actors/type_ids.hpp"
#include "protocol/request_code.hpp"
#include "protocol/request_table.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <set>
#include <unordered_map>
#include <utility>

namespace troupe::actors::net {

namespace {

namespace code = protocol::request_code;
using protocol::remoting_command;

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

void answer(session_pointer self, const request_ticket& request, remoting_command response) {
    session_answered message{self->state.connection, {}, false, false};
    if (!request.oneway) {
        address_answer(response, request.opaque, request.codec);
        message.frame = encode_answer_head(response);
        message.frame += response.body.view();
    }
    self->send(self->state.gateway, std::move(message));
}

/// What the wire does not carry: who asks.
template <class Order>
void complete(session_pointer, Order&) {}
void complete(session_pointer self, send_messages& order) {
    order.born_host = self->state.peer;
}
void complete(session_pointer self, find_messages& order) {
    order.given_up = self->clock().now() + self->state.options.request_timeout;
}
void complete(session_pointer self, send_retry_message& order) {
    order.send.born_host = self->state.peer;
}
void complete(session_pointer self, lock_queues& order) {
    order.session = session_actor{self};
}
void complete(session_pointer self, register_broker& order) {
    order.session = session_actor{self};
}
void complete(session_pointer self, remote_heartbeat& order) {
    order.heartbeat.session = session_actor{self};
    order.origin.address = self->state.peer;
}
void complete(session_pointer self, send_reply& order) {
    order.message.born_host = self->state.peer;
}
void complete(session_pointer self, announce_broker& order) {
    complete(self, order.registration);
}

template <class Order>
remoting_command encode_failure_of(const error& failure) {
    return encode_failure(failure);
}
template <>
remoting_command encode_failure_of<send_message_back>(const error& failure) {
    return encode_message_back_failure(failure);
}
template <>
remoting_command encode_failure_of<end_transaction>(const error& failure) {
    return encode_end_transaction_failure(failure);
}

/// Decodes the order, asks the role if there is room for what it does then, and encodes what it answers, with a deadline.
/// `patience` is what the role itself may wait.
template <class Order, class Answer, class Role>
void ask(session_pointer self, const Role& role, const remoting_command& command, std::chrono::milliseconds patience = {},
         admission* room = nullptr) {
    const request_ticket ticket{command.opaque, command.codec, command.is_oneway()};
    auto order = decode_request<Order>(command);
    if (!order)
        return answer(self, ticket, encode_failure(order.failure()));
    if (room != nullptr && !room->try_acquire(1))
        return answer(self, ticket,
                      encode_failure({errc::busy, "more than " + std::to_string(room->amount_max()) +
                                                      " requests like this one are waiting; repeat it later"}));
    complete(self, *order);
    self->request(role, self->state.options.request_timeout + patience, std::move(*order))
        .then([self, ticket](const Answer& given) { answer(self, ticket, encode_answer(given)); },
              [self, ticket](const caf::error& failure) { answer(self, ticket, encode_failure_of<Order>(to_error(failure))); });
}

using handler = void (*)(session_pointer, const remoting_command&);

template <class Order, class Answer>
void ask_broker(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->broker, command);
}

template <class Order, class Answer>
void ask_broker_admin(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->admin, command);
}

void ask_message_back(session_pointer self, const remoting_command& command) {
    ask<send_message_back, message_sent_back>(self, self->state.roles.broker->message_back, command);
}

template <class Order, class Answer>
void ask_transactions(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->transactions, command);
}

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

template <class Order, class Answer>
void ask_finder(session_pointer self, const remoting_command& command) {
    const auto& broker = *self->state.roles.broker;
    ask<Order, Answer>(self, broker.message_finder, command, {}, broker.lookups.get());
}

template <class Order, class Answer>
void ask_timers(session_pointer self, const remoting_command& command) {
    const auto& broker = *self->state.roles.broker;
    ask<Order, Answer>(self, broker.timers, command, {}, broker.timer_orders.get());
}

template <class Order, class Answer>
void ask_broker_members(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->members, command);
}

/// For what the broker asks of another client in turn.
template <class Order, class Answer>
void ask_through_broker(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.broker->members, command, client_answer_timeout);
}

template <class Order, class Answer>
void ask_name_server(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.name_server, command);
}

template <class Order, class Answer>
void ask_name_server_admin(session_pointer self, const remoting_command& command) {
    ask<Order, Answer>(self, self->state.roles.name_server_admin, command);
}

const std::unordered_map<std::int32_t, handler>& broker_handlers() {
    static const std::unordered_map<std::int32_t, handler> all{
        {code::send_message, ask_send},
        {code::send_message_v2, ask_send},
        {code::send_batch_message, ask_send},
        {code::consumer_send_msg_back, ask_message_back},
        {code::end_transaction, ask_transactions<end_transaction, transaction_ended>},
        {code::troupe_list_transactions, ask_transactions<list_transactions, transactions_listed>},
        {code::recall_message, ask_timers<recall_message, message_recalled>},
        {code::troupe_list_timers, ask_timers<list_timers, timers_listed>},
        {code::troupe_find_timer, ask_timers<find_timer, timer_found>},
        {code::troupe_cancel_timer, ask_timers<cancel_timer, timer_cancelled>},
        {code::query_consumer_offset, ask_broker<query_offset, offset_found>},
        {code::update_consumer_offset, ask_broker<commit_offset, offset_committed>},
        {code::get_max_offset, ask_broker<find_max_offset, offset_found>},
        {code::get_min_offset, ask_broker<find_min_offset, offset_found>},
        {code::search_offset_by_timestamp, ask_broker<search_offset, offset_found>},
        {code::heart_beat, ask_broker_members<remote_heartbeat, heartbeat_accepted>},
        {code::unregister_client, ask_broker<unregister_client, client_unregistered>},
        {code::get_consumer_list_by_group, ask_broker<list_group_members, group_members>},
        {code::query_message, ask_finder<find_messages, messages_found>},
        {code::view_message_by_id, ask_finder<find_message, message_found>},
        {code::get_earliest_msg_storetime, ask_finder<find_first_stored, first_stored_found>},
        {code::query_consume_queue, ask_finder<browse_queue, queue_browsed>},
        {code::query_consume_time_span, ask_finder<describe_time_spans, time_spans_described>},
        {code::lock_batch_mq, ask_queue_locks<lock_queues, queues_locked>},
        {code::unlock_batch_mq, ask_queue_locks<unlock_queues, queues_unlocked>},
        {code::check_client_config, ask_broker_members<check_subscription, subscription_checked>},
        {code::update_and_create_topic, ask_broker_admin<change_topic, topic_put>},
        {code::delete_topic_in_broker, ask_broker<delete_topic, topic_deleted>},
        {code::get_all_topic_config, ask_broker<list_topics, topics_listed>},
        {code::get_topic_stats_info, ask_broker_admin<describe_topic_state, topic_state_described>},
        {code::update_and_create_subscription_group, ask_broker<put_group, group_put>},
        {code::delete_subscription_group, ask_broker<delete_group, group_deleted>},
        {code::get_all_subscription_group_config, ask_broker<list_groups, groups_listed>},
        {code::get_consume_stats, ask_broker_admin<describe_group_state, group_described>},
        {code::get_broker_runtime_info, ask_broker<describe_broker, broker_described>},
        {code::get_subscription_group_config, ask_broker_admin<find_group_config, group_config_found>},
        {code::update_and_create_topic_list, ask_broker_admin<change_topics, topics_put>},
        {code::get_topic_config, ask_broker_admin<find_topic_config, topic_config_found>},
        {code::get_system_topic_list_from_broker, ask_broker_admin<list_system_topics, system_topics_listed>},
        {code::update_and_create_subscription_group_list, ask_broker_admin<put_groups, groups_put>},
        {code::get_broker_consume_stats, ask_broker_admin<describe_consumption, consumption_described>},
        {code::update_and_get_group_forbidden, ask_broker_admin<query_forbidden, forbidden_found>},
        {code::set_message_request_mode, ask_broker_admin<set_request_mode, request_mode_set>},
        {code::get_all_message_request_mode, ask_broker_admin<list_request_modes, request_modes_listed>},
        {code::clean_expired_consumequeue, ask_broker_admin<clean_store, clean_begun>},
        {code::clean_unused_topic, ask_broker_admin<clean_store, clean_begun>},
        {code::delete_expired_commitlog, ask_broker_admin<clean_store, clean_begun>},
        {code::view_broker_stats_data, ask_broker_admin<view_statistics, statistics_viewed>},
        {code::get_broker_config, ask_broker_admin<list_broker_config, broker_config_listed>},
        {code::update_broker_config, ask_broker_admin<change_broker_config, broker_config_changed>},
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

const std::unordered_map<std::int32_t, handler>& name_server_handlers() {
    static const std::unordered_map<std::int32_t, handler> all{
        {code::unregister_broker, ask_name_server<unregister_broker, broker_unregistered>},
        {code::broker_heartbeat, ask_name_server<broker_heartbeat, broker_registered>},
        {code::get_broker_cluster_info, ask_name_server<describe_cluster, cluster_described>},
        {code::get_all_topic_list_from_nameserver, ask_name_server<list_all_topics, all_topics>},
    };
    return all;
}

const std::unordered_map<std::int32_t, handler>& name_server_admin_handlers() {
    static const std::unordered_map<std::int32_t, handler> all{
        {code::register_broker, ask_name_server_admin<announce_broker, broker_announced>},
        {code::get_routeinfo_by_topic, ask_name_server_admin<describe_route, route_described>},
        {code::delete_topic_in_namesrv, ask_name_server_admin<drop_route, route_forgotten>},
        {code::register_topic_in_namesrv, ask_name_server_admin<add_route, route_added>},
        {code::wipe_write_perm_of_broker, ask_name_server_admin<change_write_perm, write_perm_changed>},
        {code::add_write_perm_of_broker, ask_name_server_admin<change_write_perm, write_perm_changed>},
        {code::query_data_version, ask_name_server_admin<query_version, version_found>},
        {code::get_broker_member_group, ask_name_server_admin<find_broker_members, broker_members_found>},
        {code::get_unit_topic_list, ask_name_server_admin<list_filtered_topics, topics_found>},
        {code::get_has_unit_sub_topic_list, ask_name_server_admin<list_filtered_topics, topics_found>},
        {code::get_has_unit_sub_ununit_topic_list, ask_name_server_admin<list_filtered_topics, topics_found>},
        {code::get_topics_by_cluster, ask_name_server_admin<list_cluster_topics, topics_found>},
        {code::get_system_topic_list_from_ns, ask_name_server_admin<list_name_topics, name_topics_listed>},
        {code::put_kv_config, ask_name_server_admin<put_kv_config, kv_config_changed>},
        {code::get_kv_config, ask_name_server_admin<find_kv_config, kv_config_found>},
        {code::delete_kv_config, ask_name_server_admin<delete_kv_config, kv_config_changed>},
        {code::get_kvlist_by_namespace, ask_name_server_admin<list_kv_config, kv_config_listed>},
        {code::get_namesrv_config, ask_name_server_admin<list_name_server_config, name_server_config_listed>},
        {code::update_namesrv_config, ask_name_server_admin<change_name_server_config, name_server_config_changed>},
    };
    return all;
}

void dispatch(session_pointer self, const remoting_command& command) {
    const auto& roles = self->state.roles;
    if (roles.broker)
        if (const auto found = broker_handlers().find(command.code); found != broker_handlers().end())
            return found->second(self, command);
    if (roles.name_server)
        if (const auto found = name_server_handlers().find(command.code); found != name_server_handlers().end())
            return found->second(self, command);
    if (roles.name_server_admin)
        if (const auto found = name_server_admin_handlers().find(command.code); found != name_server_admin_handlers().end())
            return found->second(self, command);
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
            self->send(self->state.gateway, session_answered{self->state.connection, std::move(*frame), true, false});
            return transaction_check_sent{};
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
    for (const auto* handlers : {&broker_handlers(), &name_server_handlers(), &name_server_admin_handlers()})
        for (const auto& entry : *handlers)
            codes.insert(entry.first);
    return {codes.begin(), codes.end()};
}

} // namespace troupe::actors::net
