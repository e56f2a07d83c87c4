#include "actors/net/role_client.hpp"

#include "actors/net/wire.hpp"
#include "actors/type_ids.hpp"
#include "protocol/request_code.hpp"

#include <caf/actor_cast.hpp>
#include <caf/local_actor.hpp>
#include <caf/result.hpp>
#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors::net {

namespace {

template <class Answer>
void deliver(caf::typed_response_promise<Answer>& promise, std::int32_t request_code, result<protocol::remoting_command> answered) {
    if (!answered) {
        promise.deliver(make_caf_error(answered.failure()));
        return;
    }
    if (auto failure = failure_of(request_code, *answered); failure.code != errc::none) {
        promise.deliver(make_caf_error(failure));
        return;
    }
    if (auto answer = decode_answer<Answer>(*answered); answer)
        promise.deliver(std::move(*answer));
    else
        promise.deliver(make_caf_error(answer.failure()));
}

} // namespace

role_client::role_client(caf::local_actor* self, link_transport& transport, std::string address, link_options options)
    : self_{self}, link_{transport, std::move(address), options, [this](const protocol::remoting_command& command) {
                             receive_push(command);
                         }} {}

template <class Answer, class Request>
caf::result<Answer> role_client::forward(const Request& order, std::chrono::milliseconds timeout) {
    auto promise = self_->make_response_promise<Answer>();
    auto command = encode_request(order);
    const auto code = command.code;
    link_.request(std::move(command), timeout,
                  [promise, code](result<protocol::remoting_command> answered) mutable { deliver(promise, code, std::move(answered)); });
    return promise;
}

template <class Answer, class Request>
auto role_client::forwarder() {
    return [this](const Request& order) { return forward<Answer>(order, link_.options().request_timeout); };
}

caf::message_handler role_client::broker_messages() {
    caf::message_handler produce_and_consume{
        forwarder<messages_stored, send_messages>(),
        [this](const pull_messages& order) {
            return forward<messages_pulled>(order, link_.options().request_timeout +
                                                       std::chrono::milliseconds{std::max<std::int64_t>(order.hold_ms, 0)});
        },
        forwarder<offset_committed, commit_offset>(),
        forwarder<offset_found, query_offset>(),
        forwarder<offset_found, find_max_offset>(),
        forwarder<offset_found, find_min_offset>(),
        forwarder<offset_found, search_offset>(),
        [this](const client_heartbeat& order) {
            remember(order.session);
            return forward<heartbeat_accepted>(order, link_.options().request_timeout);
        },
        forwarder<client_unregistered, unregister_client>(),
        forwarder<group_members, list_group_members>(),
    };
    caf::message_handler administrate{
        forwarder<topic_put, put_topic>(),
        forwarder<topic_deleted, delete_topic>(),
        forwarder<topics_listed, list_topics>(),
        forwarder<topic_described, describe_topic>(),
        forwarder<group_put, put_group>(),
        forwarder<group_deleted, delete_group>(),
        forwarder<groups_listed, list_groups>(),
        forwarder<group_described, describe_group>(),
        forwarder<broker_described, describe_broker>(),
    };
    return produce_and_consume.or_else(administrate);
}

caf::message_handler role_client::name_server_messages() {
    return {
        [this](const register_broker& order) {
            auto promise = self_->make_response_promise<broker_registered>();
            auto command = encode_request(order);
            const auto code = command.code;
            link_.request(std::move(command), link_.options().request_timeout,
                          [this, promise, code](result<protocol::remoting_command> answered) mutable {
                              if (answered)
                                  registered_on_ = link_.connection_number();
                              deliver(promise, code, std::move(answered));
                          });
            return caf::result<broker_registered>{promise};
        },
        [this](const broker_heartbeat& order) -> caf::result<broker_registered> {
            if (registered_on_ == 0 || registered_on_ != link_.connection_number())
                return make_caf_error(errc::connection_lost, "the connection that registered this broker has ended; register again");
            return forward<broker_registered>(order, link_.options().request_timeout);
        },
        forwarder<broker_unregistered, unregister_broker>(),
        forwarder<route_found, find_route>(),
        forwarder<cluster_described, describe_cluster>(),
        forwarder<all_topics, list_all_topics>(),
        forwarder<route_forgotten, forget_route>(),
    };
}

void role_client::remember(const client_session_actor& session) {
    if (!session)
        return;
    std::erase_if(sessions_, [](const caf::actor_addr& each) { return !caf::actor_cast<caf::strong_actor_ptr>(each); });
    if (std::find(sessions_.begin(), sessions_.end(), session.address()) == sessions_.end())
        sessions_.push_back(session.address());
}

void role_client::receive_push(const protocol::remoting_command& command) {
    if (command.code != protocol::request_code::notify_consumer_ids_changed) {
        // Whoever asked hears at once that this client does not know, instead of waiting for nothing.
        if (!command.is_oneway())
            link_.answer(command,
                         encode_failure({errc::not_supported, "this client does not answer request " + std::to_string(command.code)}));
        return;
    }
    const auto event = decode_request<consumers_changed>(command);
    if (!event)
        return;
    for (const auto& each : sessions_)
        if (auto session = caf::actor_cast<client_session_actor>(each))
            caf::anon_send(session, *event);
}

} // namespace troupe::actors::net
