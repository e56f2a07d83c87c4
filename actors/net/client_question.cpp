#include "actors/net/client_question.hpp"

#include "actors/messages/member_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/wire/wire_members.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors::net {

namespace {

constexpr std::chrono::milliseconds answer_margin{500}; // for the way back to the broker

using origin_actor = caf::typed_actor<caf::reacts_to<question_answered>>;

struct question_state {
    static inline const char* name = "client_question";

    explicit question_state(caf::event_based_actor* actor) : self{actor} {}

    void start();
    template <class Answer, class Order>
    void ask(const Order& order);
    void no_answer(const error& failure);
    void finish(protocol::remoting_command answer);

    caf::event_based_actor* self;
    protocol::remoting_command question;
    std::vector<caf::actor_addr> sessions; ///< the next one is at the back
    question_origin origin;
    error last{errc::group_not_found, "no client here has sent this broker a heartbeat"};
};

void question_state::start() {
    if (question.code == protocol::request_code::get_consumer_status_from_client) {
        if (const auto order = decode_request<ask_client_status>(question))
            ask<client_status_told>(*order);
        else
            finish(encode_failure(order.failure()));
        return;
    }
    ask<client_answered>(forward_to_client{question.code, question.fields, question.body});
}

template <class Answer, class Order>
void question_state::ask(const Order& order) {
    while (!sessions.empty()) {
        const auto session = caf::actor_cast<asked_member_actor>(sessions.back());
        sessions.pop_back();
        if (!session)
            continue;
        self->request(session, client_question_timeout(question.code), order)
            .then([this](const Answer& answer) { finish(encode_answer(answer)); },
                  [this, order](const caf::error& problem) {
                      last = to_error(problem);
                      // Only a session that answers at once that it has not the group gives way to the next: there is time for one.
                      if (last.code == errc::group_not_found)
                          ask<Answer>(order);
                      else
                          no_answer(last);
                  });
        return;
    }
    no_answer(last);
}

void question_state::no_answer(const error& failure) {
    auto answer = encode_failure(failure);
    if (failure.code == errc::timed_out && question.code == protocol::request_code::consume_message_directly)
        answer.code = protocol::response_code::consume_msg_timeout;
    finish(std::move(answer));
}

void question_state::finish(protocol::remoting_command answer) {
    if (auto asker = caf::actor_cast<origin_actor>(origin.asker))
        caf::anon_send(asker, question_answered{origin.number, std::move(answer)});
    self->quit();
}

/// Without a behavior it ends when no answer is awaited any more.
caf::behavior client_question(caf::stateful_actor<question_state>* self, protocol::remoting_command question,
                              std::vector<caf::actor_addr> sessions, question_origin origin) {
    auto& state = self->state;
    state.question = std::move(question);
    state.sessions = std::move(sessions);
    state.origin = std::move(origin);
    state.start();
    return {};
}

} // namespace

std::chrono::milliseconds client_question_timeout(std::int32_t request_code) {
    const bool is_status = request_code == protocol::request_code::get_consumer_status_from_client;
    return (is_status ? client_status_timeout : client_answer_timeout) - answer_margin;
}

void spawn_client_question(caf::actor_system& system, protocol::remoting_command question, std::vector<caf::actor_addr> sessions,
                           question_origin origin) {
    std::reverse(sessions.begin(), sessions.end());
    system.spawn(client_question, std::move(question), std::move(sessions), std::move(origin));
}

} // namespace troupe::actors::net
