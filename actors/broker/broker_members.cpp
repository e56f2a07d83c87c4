#include "actors/broker/broker_state.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <algorithm>
#include <utility>

/// Connected clients: who they are, and what they are asked. RocketMQ: Broker2Client,
/// ReplyMessageProcessor, and AdminBrokerProcessor's connections and forwarded calls.
namespace troupe::actors {

namespace {

/// Frame versions from which clients understand what is asked (RocketMQ: MQVersion).
constexpr std::int32_t status_version_min = 28;
constexpr std::int32_t forward_version_min = 62;

/// Properties of replies.
constexpr std::string_view push_reply_time = "PUSH_REPLY_TIME";

void append_property(std::string& encoded, std::string_view name, std::string_view value) {
    if (!encoded.empty() && encoded.back() != protocol::property_value_end)
        encoded += protocol::property_value_end;
    encoded.append(name) += protocol::property_name_end;
    encoded.append(value) += protocol::property_value_end;
}

/// A question about a transaction is only handed to the connection: this is long.
constexpr std::chrono::milliseconds client_question_timeout{500};

error not_there(const std::string& client_id, const std::string& group) {
    return {errc::connection_lost, "client " + client_id + " is not connected to this broker as a member of group " + group};
}

} // namespace

caf::result<heartbeat_accepted> broker_state::handle(const remote_heartbeat& order) {
    const auto& client_id = order.heartbeat.data.client_id;
    if (order.origin.connection != 0 && client_id.size() <= limits::client_id_bytes_max)
        setup_.deliveries->name_client(order.origin.connection, client_id);
    return accept(order.heartbeat.data, number_of(order.heartbeat.session, order.origin), !order.without_subscriptions);
}

// ---- who is connected -----------------------------------------------------------------------------------------------

protocol::client_connection broker_state::connection_of(const std::string& client_id, session_number session) const {
    const auto* client = sessions_.find(session);
    const auto origin = client == nullptr ? client_origin{} : client->origin; // without one: it shares our process
    return {client_id, to_string(origin.address), origin.from, origin.version};
}

caf::result<consumer_connections_listed> broker_state::handle(const list_consumer_connections& order) {
    consumer_connections_listed listed;
    auto group = members_.view(order.group);
    if (!group)
        return listed;
    for (const auto& [client_id, session] : group->members)
        listed.consumers.connections.push_back(connection_of(client_id, session));
    listed.consumers.subscriptions = std::move(group->subscriptions);
    listed.consumers.type = group->type;
    listed.consumers.model = group->model;
    listed.consumers.from = group->from;
    return listed;
}

caf::result<members_listed> broker_state::handle(const list_members& order) {
    members_listed listed;
    for (auto& seen : members_.view_members(order.group)) {
        const auto client_id = seen.member.connection.client_id;
        seen.member.connection = connection_of(client_id, seen.session);
        for (const auto other : seen.others)
            seen.member.other_addresses.push_back(connection_of(client_id, other).address);
        listed.members.push_back(std::move(seen.member));
    }
    return listed;
}

caf::result<producer_connections_listed> broker_state::handle(const list_producer_connections& order) {
    producer_connections_listed listed;
    for (const auto& producer : producers_.clients(order.group))
        listed.connections.push_back(connection_of(producer.client_id, producer.session));
    return listed;
}

caf::result<producers_listed> broker_state::handle(const list_producers&) {
    producers_listed listed;
    const auto wall = setup_.options.now().value();
    for (const auto& group : producers_.groups())
        for (const auto& producer : producers_.clients(group)) {
            const auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(now() - producer.last_heartbeat);
            listed.table[group].push_back({connection_of(producer.client_id, producer.session), wall - silent.count()});
        }
    return listed;
}

// ---- who reads what -------------------------------------------------------------------------------------------------

caf::result<topic_readers_listed> broker_state::handle(const list_topic_readers& order) {
    auto promise = self_->make_response_promise<topic_readers_listed>();
    send_notes();
    questions_.ask<offset_groups_listed>(
        setup_.offset_keeper, list_offset_groups{order.topic},
        [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [this, promise, topic = order.topic](offset_groups_listed& found) mutable {
            const auto online = members_.subscribers(topic);
            std::set<std::string> groups{online.begin(), online.end()};
            groups.insert(found.groups.begin(), found.groups.end());
            std::erase_if(groups, [](const std::string& group) { return group.starts_with('@'); }); // the broker's own
            promise.deliver(topic_readers_listed{{groups.begin(), groups.end()}});
        });
    return promise;
}

caf::result<group_topics_listed> broker_state::handle(const list_group_topics& order) {
    auto promise = self_->make_response_promise<group_topics_listed>();
    send_notes();
    questions_.ask<offsets_listed>(
        setup_.offset_keeper, list_offsets{order.group, {}},
        [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [this, promise](const offsets_listed& found) mutable {
            std::set<std::string> topics;
            for (const auto& entry : found.offsets)
                topics.insert(entry.first.topic);
            promise.deliver(group_topics_listed{{topics.begin(), topics.end()}, to_string(setup_.options.store_host)});
        });
    return promise;
}

caf::result<subscription_found> broker_state::handle(const find_subscription& order) {
    subscription_found found{order.group, order.topic, {}};
    if (const auto* subscription = members_.subscription(order.group, order.topic))
        found.subscription.push_back(*subscription);
    return found;
}

// ---- what a client is asked -----------------------------------------------------------------------------------------

result<session_number> broker_state::session_of_member(const std::string& group, const std::string& client_id) const {
    const auto view = members_.view(group);
    if (!view)
        return error{errc::connection_lost, "group " + group + " has no member that is connected to this broker"};
    const auto member = client_id.empty() ? view->members.begin() : view->members.find(client_id);
    const auto* client = member == view->members.end() ? nullptr : sessions_.find(member->second);
    if (client == nullptr)
        return not_there(client_id, group);
    if (client->origin.version < forward_version_min)
        return error{errc::not_supported, "client " + member->first + " is too old to be asked this (its frame version is " +
                                              std::to_string(client->origin.version) + ")"};
    return member->second;
}

caf::result<client_answered> broker_state::handle(const ask_member& order) {
    const auto session = session_of_member(order.group, order.client_id);
    if (!session)
        return make_caf_error(session.failure());
    if (order.message_id.empty()) {
        auto promise = self_->make_response_promise<client_answered>();
        ask_member_client(*session, order.request, promise);
        return promise;
    }
    const auto message_id = protocol::parse_offset_message_id(order.message_id);
    if (!message_id)
        return make_caf_error(message_id.failure());
    auto promise = self_->make_response_promise<client_answered>();
    questions_.ask<record_at_read>(
        background_reader(), read_record_at{message_id->second},
        [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [this, promise, session = *session, request = order.request](record_at_read& read) mutable {
            request.body = std::move(read.record);
            // What the client knows of the message beside its bytes; a tool may have said it already.
            if (request.fields.find("brokerName") == nullptr)
                request.fields.set("brokerName", setup_.options.broker_name);
            ask_member_client(session, std::move(request), promise);
        });
    return promise;
}

void broker_state::ask_member_client(session_number session, forward_to_client request,
                                     caf::typed_response_promise<client_answered> promise) {
    questions_.ask_client<client_answered>(
        session, std::move(request), client_answer_timeout,
        [promise](const error& failure) mutable {
            if (failure.code == errc::timed_out)
                promise.deliver(client_answered{protocol::response_code::consume_msg_timeout, failure.text, {}});
            else
                promise.deliver(make_caf_error(failure));
        },
        [promise](client_answered& answer) mutable { promise.deliver(std::move(answer)); });
}

caf::result<members_status_told> broker_state::handle(const ask_members_status& order) {
    std::vector<std::pair<std::string, session_number>> asked;
    if (const auto view = members_.view(order.group))
        for (const auto& member : view->members) {
            const auto* client = sessions_.find(member.second);
            if (client != nullptr && client->origin.version >= status_version_min &&
                (order.client_id.empty() || order.client_id == member.first))
                asked.push_back(member);
        }
    if (asked.empty())
        return make_caf_error(not_there(order.client_id.empty() ? "(any)" : order.client_id, order.group));
    struct progress {
        caf::typed_response_promise<members_status_told> promise;
        std::size_t open = 0;
        members_status_told told;
    };
    const auto all = std::make_shared<progress>(progress{self_->make_response_promise<members_status_told>(), asked.size(), {}});
    const auto one_done = [all] {
        if (--all->open == 0)
            all->promise.deliver(std::move(all->told)); // without those that did not answer: some kinds of clients never do
    };
    for (const auto& member : asked)
        questions_.ask_client<client_status_told>(
            member.second, ask_client_status{order.topic, order.group}, client_status_timeout, [one_done](const error&) { one_done(); },
            [all, one_done, client_id = member.first](client_status_told& told) {
                all->told.status.clients.emplace(client_id, std::move(told.offsets));
                one_done();
            });
    return all->promise;
}

caf::result<messages_stored> broker_state::handle(const send_reply& order) {
    const auto client_id = protocol::find_property(order.message.properties, protocol::property_name::reply_to_client);
    if (!client_id)
        return make_caf_error(errc::message_illegal, "a reply needs property REPLY_TO_CLIENT, the client id of whoever sent the request");
    const auto session = producers_.session_of(*client_id);
    if (!session)
        return make_caf_error(errc::connection_lost,
                              "client " + std::string{*client_id} + ", which waits for this reply, is not connected");
    auto promise = self_->make_response_promise<messages_stored>();
    deliver_reply delivery{order, setup_.options.store_host, setup_.options.now()};
    append_property(delivery.reply.message.properties, push_reply_time, to_string(delivery.stored));
    questions_.ask_client<reply_delivered>(
        *session, std::move(delivery), client_answer_timeout,
        [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [promise, queue = order.message.queue](reply_delivered) mutable {
            promise.deliver(messages_stored{"0", queue, queue_offset{0}, {}}); // nothing is stored, so nothing has a place
        });
    return promise;
}

// ---- queue locks, of clients in this process: others reach the role itself ------------------------------------------

caf::result<queues_locked> broker_state::handle(const lock_queues& order) {
    if (!setup_.queue_locks)
        return make_caf_error(errc::not_supported, "this broker locks no queues");
    return questions_.pass_on<queues_locked>(setup_.queue_locks, order);
}

caf::result<queues_unlocked> broker_state::handle(const unlock_queues& order) {
    if (!setup_.queue_locks)
        return make_caf_error(errc::not_supported, "this broker locks no queues");
    return questions_.pass_on<queues_unlocked>(setup_.queue_locks, order);
}

// ---- transactions ---------------------------------------------------------------------------------------------------

caf::result<transaction_ended> broker_state::handle(const end_transaction& order) {
    if (!setup_.transactions)
        return make_caf_error(errc::not_supported, "this broker ends no transactions");
    return questions_.pass_on<transaction_ended>(setup_.transactions, order);
}

caf::result<transactions_listed> broker_state::handle(const list_transactions& order) {
    if (!setup_.transactions)
        return make_caf_error(errc::not_supported, "this broker keeps no transactions");
    return questions_.pass_on<transactions_listed>(setup_.transactions, order);
}

caf::result<transaction_resumed> broker_state::handle(const resume_transaction& order) {
    if (!setup_.transactions)
        return make_caf_error(errc::not_supported, "this broker keeps no transactions");
    return questions_.pass_on<transaction_resumed>(setup_.transactions, order);
}

/// Any client of the group must be able to answer. They take turns; one that is not there any more does not take the turn.
caf::result<transaction_check_sent> broker_state::handle(const check_transaction& order) {
    constexpr std::size_t tries = 3;
    std::vector<session_number> sessions;
    for (const auto& producer : producers_.clients(order.group))
        if (sessions_.find(producer.session) != nullptr)
            sessions.push_back(producer.session);
    if (sessions.empty())
        return make_caf_error(errc::group_not_found, "no client of producer group " + order.group + " is connected to this broker");
    std::rotate(sessions.begin(), sessions.begin() + static_cast<std::ptrdiff_t>(next_asked_producer_++ % sessions.size()), sessions.end());
    sessions.resize(std::min(sessions.size(), tries));
    std::reverse(sessions.begin(), sessions.end()); // the next one is at the back
    auto promise = self_->make_response_promise<transaction_check_sent>();
    ask_producer(order, std::move(sessions), promise);
    return promise;
}

void broker_state::ask_producer(const check_transaction& order, std::vector<session_number> sessions,
                                caf::typed_response_promise<transaction_check_sent> promise) {
    const auto session = sessions.back();
    sessions.pop_back();
    questions_.ask_client<transaction_check_sent>(
        session, order, client_question_timeout,
        [this, order, sessions = std::move(sessions), promise](const error& failure) mutable {
            if (sessions.empty() || finishing_)
                promise.deliver(make_caf_error(failure));
            else
                ask_producer(order, std::move(sessions), promise);
        },
        [promise](transaction_check_sent sent) mutable { promise.deliver(sent); });
}

} // namespace troupe::actors
