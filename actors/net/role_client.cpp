#include "actors/net/role_client.hpp"

#include "actors/group/queue_locks.hpp"
#include "actors/log/message_finder.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/messages/pop_messages.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/connection_news.hpp"
#include "actors/schedule/timer_keeper.hpp"
#include "actors/wire/wire_members.hpp"
#include "actors/wire/wire_transaction.hpp"
#include "protocol/request_code.hpp"

#include <caf/actor_cast.hpp>
#include <caf/local_actor.hpp>
#include <caf/message.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace troupe::actors::net {

namespace {

/// The frame version of RocketMQ 5.0.0. Name servers before it do not answer BROKER_HEARTBEAT at all.
constexpr std::int32_t heartbeat_version_min = 413;
/// What a broker may have asked and not heard the answer to, all clients behind one proxy together.
constexpr std::size_t open_questions_max = 64;

template <class Answer>
result<caf::message> read_answer(const protocol::remoting_command& command) {
    auto answer = decode_answer<Answer>(command);
    if (!answer)
        return answer.failure();
    return caf::make_message(std::move(*answer));
}

void deliver(caf::response_promise& promise, std::int32_t request_code, result<caf::message> (*read)(const protocol::remoting_command&),
             const result<protocol::remoting_command>& answered) {
    if (!answered) {
        promise.deliver(make_caf_error(answered.failure()));
        return;
    }
    if (auto failure = failure_of(request_code, *answered); failure.code != errc::none) {
        promise.deliver(make_caf_error(failure));
        return;
    }
    if (auto answer = read(*answered); answer)
        promise.deliver(std::move(*answer));
    else
        promise.deliver(make_caf_error(answer.failure()));
}

} // namespace

role_client::role_client(caf::local_actor* self, link_transport& transport, std::string address, link_options options)
    : self_{self}, link_{transport, address, options, [this](const protocol::remoting_command& command) { receive_push(command); }} {
    link_.on_change([this, address = std::move(address)](link_change change) {
        tell_sessions<connection_watcher_actor>(connection_changed{address, change});
    });
}

caf::response_promise role_client::pass_on(protocol::remoting_command command, answer_reader read, std::chrono::milliseconds patience) {
    auto promise = self_->make_response_promise();
    const auto code = command.code;
    link_.request(
        std::move(command), link_.options().request_timeout + patience,
        [promise, code, read](const result<protocol::remoting_command>& answered) mutable { deliver(promise, code, read, answered); });
    return promise;
}

template <class Order, class Answer>
caf::response_promise role_client::serve(remote_request<Order, Answer>, const Order& order) {
    return pass_on(encode_request(order), read_answer<Answer>);
}

/// In the order that `turns_` keeps.
caf::response_promise role_client::serve(remote_request<send_messages, messages_stored>, const send_messages& order) {
    auto promise = self_->make_response_promise();
    auto command = encode_request(order);
    const auto code = command.code;
    const auto timeout = link_.options().request_timeout;
    auto done = [this, promise, code](const result<protocol::remoting_command>& answered) mutable {
        if (answered) // the roles of this implementation say C++, and Apache's say Java
            turns_.learn(answered->from != protocol::language::java);
        deliver(promise, code, read_answer<messages_stored>, answered);
    };
    if (turns_.needless()) {
        link_.request(std::move(command), timeout, std::move(done));
    } else if (turns_.waiting() >= link_.options().requests_max) {
        done(error{errc::busy, std::to_string(turns_.waiting()) + " messages wait to be sent in their order; send fewer at once"});
    } else {
        turns_.add({{order.topic, order.queue}, std::move(command), link_.now() + timeout, std::move(done)});
        begin_sends();
    }
    return promise;
}

void role_client::begin_sends() {
    if (std::exchange(beginning_, true))
        return;
    while (auto next = turns_.take())
        begin(std::move(*next));
    beginning_ = false;
}

void role_client::begin(send_turns::send next) {
    auto ended = [this, queue = next.queue, done = std::move(next.done)](result<protocol::remoting_command> answered) {
        done(std::move(answered));
        turns_.ended(queue);
        begin_sends();
    };
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next.deadline - link_.now());
    if (left <= std::chrono::milliseconds{0})
        ended(error{errc::timed_out, "the broker answered the sends before this one too late; it was not sent"});
    else
        link_.request(std::move(next.command), left, std::move(ended));
}

caf::response_promise role_client::serve(remote_request<pull_messages, messages_pulled>, const pull_messages& order) {
    const std::chrono::milliseconds hold{std::max<std::int64_t>(order.hold_ms, 0)};
    return pass_on(encode_request(order), read_answer<messages_pulled>, hold);
}

caf::response_promise role_client::serve(remote_request<pop_messages, messages_popped>, const pop_messages& order) {
    const std::chrono::milliseconds poll{std::max<std::int64_t>(order.poll_ms, 0)};
    return pass_on(encode_request(order), read_answer<messages_popped>, poll);
}

caf::response_promise role_client::serve(remote_request<client_heartbeat, heartbeat_accepted>, const client_heartbeat& order) {
    remember(order.session);
    return pass_on(encode_request(order), read_answer<heartbeat_accepted>);
}

caf::response_promise role_client::serve(remote_request<register_broker, broker_registered>, const register_broker& order) {
    auto promise = self_->make_response_promise();
    auto command = encode_request(order);
    const auto code = command.code;
    link_.request(std::move(command), link_.options().request_timeout,
                  [this, promise, code](const result<protocol::remoting_command>& answered) mutable {
                      if (answered) {
                          registered_on_ = link_.connection_number();
                          knows_heartbeats_ = answered->version >= heartbeat_version_min;
                      }
                      deliver(promise, code, read_answer<broker_registered>, answered);
                  });
    return promise;
}

caf::response_promise role_client::serve(remote_request<broker_heartbeat, broker_registered>, const broker_heartbeat& order) {
    if (registered_on_ != 0 && registered_on_ == link_.connection_number() && knows_heartbeats_)
        return pass_on(encode_request(order), read_answer<broker_registered>);
    auto promise = self_->make_response_promise();
    if (registered_on_ == 0 || registered_on_ != link_.connection_number())
        promise.deliver(make_caf_error(errc::connection_lost, "the connection that registered this broker has ended; register again"));
    else // waiting for an answer would end in giving up the connection, and with it the broker would leave the routes
        promise.deliver(broker_registered{});
    return promise;
}

template <class Order, class Answer>
auto role_client::handler(remote_request<Order, Answer> row) {
    return [this, row](const Order& order) { return serve(row, order); };
}

template <class... Rows>
caf::message_handler role_client::handlers(remote_requests<Rows...>) {
    return {handler(Rows{})...};
}

caf::message_handler role_client::broker_messages() {
    const caf::message_handler answers{[this](const question_answered& event) { question_ended(event); }};
    return handlers(broker_requests{}).or_else(answers);
}

caf::message_handler role_client::name_server_messages() {
    return handlers(name_server_requests{});
}

void role_client::remember(const client_session_actor& session) {
    if (!session)
        return;
    std::erase_if(sessions_, [](const caf::actor_addr& each) { return !caf::actor_cast<caf::strong_actor_ptr>(each); });
    if (std::find(sessions_.begin(), sessions_.end(), session.address()) == sessions_.end())
        sessions_.push_back(session.address());
}

template <class Session, class News>
void role_client::tell_sessions(const News& news) const {
    for (const auto& each : sessions_)
        if (const auto session = caf::actor_cast<Session>(each))
            caf::anon_send(session, news);
}

/// Whoever wrote the reply hears that it arrived; whether somebody still waits for it, only this client knows.
void role_client::receive_reply(const protocol::remoting_command& command) {
    const auto reply = decode_request<deliver_reply>(command);
    if (!reply) {
        link_.answer(command, encode_failure(reply.failure()));
        return;
    }
    tell_sessions<reply_taker_actor>(*reply);
    link_.answer(command, encode_answer(reply_delivered{}));
}

void role_client::receive_offsets(const protocol::remoting_command& command) {
    const auto order = decode_request<adopt_offsets>(command);
    if (order)
        tell_sessions<offset_adopter_actor>(*order);
    if (!command.is_oneway())
        link_.answer(command, order ? protocol::remoting_command{} : encode_failure(order.failure()));
}

void role_client::ask_sessions(const protocol::remoting_command& command) {
    if (questions_.size() >= open_questions_max) {
        link_.answer(command, encode_failure({errc::busy, std::to_string(questions_.size()) +
                                                              " questions to this client are open already; ask again later"}));
        return;
    }
    auto& question = questions_[++last_question_];
    question.asked.code = command.code;
    question.asked.opaque = command.opaque;
    question.asked.codec = command.codec;
    question.asked.flag = command.flag;
    question.connection = link_.connection_number();
    spawn_client_question(self_->system(), command, sessions_, {self_->address(), last_question_});
}

void role_client::question_ended(const question_answered& event) {
    const auto question = questions_.extract(event.number);
    // Over another connection the number would name somebody else's question.
    if (!question.empty() && question.mapped().connection == link_.connection_number())
        link_.answer(question.mapped().asked, event.answer);
}

void role_client::receive_push(const protocol::remoting_command& command) {
    namespace code = protocol::request_code;
    switch (command.code) {
    case code::check_transaction_state:
        if (const auto question = decode_request<check_transaction>(command))
            tell_sessions<transaction_asker_actor>(*question);
        return;
    case code::push_reply_message_to_client: receive_reply(command); return;
    case code::reset_consumer_client_offset: receive_offsets(command); return;
    case code::get_consumer_status_from_client:
    case code::get_consumer_running_info:
    case code::consume_message_directly:
        if (!command.is_oneway())
            ask_sessions(command);
        return;
    case code::notify_consumer_ids_changed: break;
    default:
        // Whoever asked hears at once that this client does not know, instead of waiting for nothing.
        if (!command.is_oneway())
            link_.answer(command,
                         encode_failure({errc::not_supported, "this client does not answer request " + std::to_string(command.code)}));
        return;
    }
    if (const auto event = decode_request<consumers_changed>(command))
        tell_sessions<client_session_actor>(*event);
}

} // namespace troupe::actors::net
