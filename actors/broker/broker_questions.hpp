#pragma once

#include "actors/base/metrics.hpp"
#include "actors/broker/broker_role.hpp"
#include "actors/broker/client_sessions.hpp"
#include "actors/broker/question.hpp"
#include "actors/broker/question_table.hpp"
#include "actors/messages/type_ids.hpp"

#include <caf/actor_cast.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace troupe::actors {

/// What the broker asks roles below it, and connected clients.
///
/// Owner    the broker's state; only the broker's own thread of work may use it.
/// Bounded  at most `questions_max` under way; beyond them `fail` is told busy, and the answer is counted.
/// Always   of `then` and `fail` one is called, once: `then` with the answer; `fail` for a failure, the deadline, or by fail_all.
class broker_questions {
public:
    using continuation = question_table::continuation;
    static constexpr std::size_t questions_max = 10'000;

    /// `deadline` is that of questions that name none. `settled` is called after each answer and failure that came as a message. What
    /// is given outlives this.
    broker_questions(broker_role::pointer self, std::chrono::milliseconds deadline, std::shared_ptr<broker_metrics> metrics,
                     const client_sessions& sessions, std::function<void()> settled)
        : self_{self}, deadline_{deadline}, metrics_{std::move(metrics)}, sessions_{sessions}, settled_{std::move(settled)} {}
    broker_questions(const broker_questions&) = delete; // what waits for an answer knows where it is
    broker_questions& operator=(const broker_questions&) = delete;
    ~broker_questions() = default;

    template <class Answer, class Role, class Order, class Then>
    void ask(const Role& role, Order order, continuation fail, Then then) {
        ask_within<Answer>(deadline_, role, std::move(order), std::move(fail), std::move(then));
    }
    template <class Answer, class Role, class Order, class Then>
    void ask_within(std::chrono::milliseconds deadline, const Role& role, Order order, continuation fail, Then then);
    /// Asks for the answer to the order that the broker is serving.
    template <class Answer, class Role, class Order>
    caf::typed_response_promise<Answer> pass_on(const Role& role, Order order);
    /// Asks a connected client, of which no more is known than its session. Fails with connection_lost when that has ended.
    template <class Answer, class Order, class Then>
    void ask_client(session_number session, Order order, std::chrono::milliseconds timeout, continuation fail, Then then);

    /// To ask `role`, as a function.
    template <class Order, class Answer, class Role>
    [[nodiscard]] question<Order, Answer> to(Role role) {
        return to<Order, Answer>(std::move(role), deadline_);
    }
    template <class Order, class Answer, class Role>
    [[nodiscard]] question<Order, Answer> to(Role role, std::chrono::milliseconds deadline) {
        return [this, role = std::move(role), deadline](Order order, continuation fail, std::function<void(Answer&)> then) {
            ask_within<Answer>(deadline, role, std::move(order), std::move(fail), std::move(then));
        };
    }

    void fail_all(const error& failure) { table_.fail_all(failure); }
    [[nodiscard]] bool is_empty() const { return table_.is_empty(); }

private:
    /// Longer than the session waits: what it says is better than that it was late.
    static constexpr std::chrono::milliseconds session_margin{1'000};

    broker_role::pointer self_;
    std::chrono::milliseconds deadline_;
    std::shared_ptr<broker_metrics> metrics_;
    const client_sessions& sessions_;
    std::function<void()> settled_;
    question_table table_{questions_max};
};

template <class Answer, class Role, class Order, class Then>
void broker_questions::ask_within(std::chrono::milliseconds deadline, const Role& role, Order order, continuation fail, Then then) {
    const auto number = table_.add(std::move(fail));
    if (!number) {
        add(metrics_->busy_answers);
        return;
    }
    self_->request(role, deadline, std::move(order))
        .then(
            [this, number = *number, then = std::move(then)](Answer& answer) mutable {
                if (table_.end(number))
                    then(answer);
                settled_();
            },
            [this, number = *number](const caf::error& failure) {
                table_.fail(number, to_error(failure));
                settled_();
            });
}

template <class Answer, class Role, class Order>
caf::typed_response_promise<Answer> broker_questions::pass_on(const Role& role, Order order) {
    auto promise = self_->make_response_promise<Answer>();
    ask<Answer>(
        role, std::move(order), [promise](const error& failure) mutable { promise.deliver(make_caf_error(failure)); },
        [promise](Answer& answer) mutable { promise.deliver(std::move(answer)); });
    return promise;
}

template <class Answer, class Order, class Then>
void broker_questions::ask_client(session_number session, Order order, std::chrono::milliseconds timeout, continuation fail, Then then) {
    const auto* client = sessions_.find(session);
    if (client == nullptr) {
        fail({errc::connection_lost, "the client is not connected to this broker"});
        return;
    }
    // A session that does not understand the order is answered for by CAF.
    ask_within<Answer>(timeout + session_margin, caf::actor_cast<asked_client_actor>(client->actor), std::move(order), std::move(fail),
                       std::move(then));
}

} // namespace troupe::actors
