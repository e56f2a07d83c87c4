#include "client/internal/transaction_agent.hpp"

#include "actors/base/spawn_role.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_proxy.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/internal/to_received.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <exception>
#include <utility>

namespace troupe::client {

namespace {

constexpr milliseconds retry_pause{100};

/// A question for the thread that runs `check`.
struct question_for_check {
    actors::check_transaction question;
};
using checker_actor = caf::typed_actor<caf::reacts_to<question_for_check>>;

} // namespace

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::question_for_check)

namespace troupe::client {

namespace {

actors::transaction_decision decision_of(transaction_outcome outcome) {
    switch (outcome) {
    case transaction_outcome::commit: return actors::transaction_decision::commit;
    case transaction_outcome::roll_back: return actors::transaction_decision::roll_back;
    default: return actors::transaction_decision::unknown;
    }
}

struct check_call {
    transaction_producer::check_function check;
    std::shared_ptr<call_gate> gate;
};

/// Runs `check`, which may block, on a thread of its own.
checker_actor::behavior_type checker(checker_actor::pointer self, const check_call& call, const transaction_agent_actor& agent,
                                     const std::string& group, const std::shared_ptr<std::atomic<std::size_t>>& waiting) {
    self->monitor(agent);
    self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
    return {
        [self, call, agent, group, waiting](const question_for_check& work) {
            waiting->fetch_sub(1, std::memory_order_relaxed);
            if (call.gate->is_closed())
                return; // the others that wait, too
            const auto& asked = work.question;
            auto half = protocol::decode_record(asked.record);
            if (!half)
                return; // asked again
            const message_queue queue{half->topic, asked.broker_name, half->queue.value()};
            auto outcome = transaction_outcome::unknown;
            call.gate->pass([&] {
                try {
                    outcome = call.check(to_received(queue, std::move(*half)));
                } catch (...) { // NOLINT(bugprone-empty-catch): what the program cannot say is unknown
                }
            });
            self->send(agent, end_half{{group, asked.position, asked.offset, decision_of(outcome), true, asked.unique_key, asked.topic},
                                       asked.broker_name,
                                       nullptr});
        },
    };
}

struct agent_state {
    static inline const char* name = "transaction_agent";
    using pointer = transaction_agent_actor::stateful_pointer<agent_state>;

    explicit agent_state(pointer actor) : self{actor} {}

    /// One outcome on its way to its broker.
    struct ending {
        end_half work;
        time_point deadline;
        void finish(const error& failure) {
            if (const auto done = std::exchange(work.done, nullptr))
                done(failure);
        }
    };
    using ending_ptr = std::shared_ptr<ending>;

    void start(transaction_agent_options all);
    void handle(const end_half& work);
    void handle(const transaction_asked& question);
    void handle(const ending_tick& tick);
    void find(const ending_ptr& one);
    void tell(const ending_ptr& one, const actors::broker_actor& broker);
    void failed(const ending_ptr& one, const error& failure);
    [[nodiscard]] milliseconds left(const ending& one) const {
        return std::chrono::duration_cast<milliseconds>(one.deadline - self->clock().now());
    }

    pointer self;
    transaction_agent_options options;
    checker_actor check;
    std::vector<ending_ptr> paused;
    std::shared_ptr<std::atomic<std::size_t>> waiting = std::make_shared<std::atomic<std::size_t>>(0);
};

void agent_state::start(transaction_agent_options all) {
    options = std::move(all);
    self->monitor(options.hub);
    self->set_down_handler([this](const caf::down_msg&) { self->quit(); });
    self->set_error_handler([](caf::error&) {}); // answers to one-way messages concern nobody
    check = actors::spawn_blocking_role(self->system(), checker, check_call{options.check, options.gate}, transaction_agent_actor{self},
                                        options.group, waiting);
    const producer_listener_actor listener{self};
    self->send(options.hub, join_producers{options.group, producer_kind::transactional, listener});
    for (const auto& topic : options.topics)
        self->send(options.hub, watch_topic{topic, false, listener});
}

void agent_state::handle(const end_half& work) {
    find(std::make_shared<ending>(ending{work, self->clock().now() + options.request_timeout}));
}

void agent_state::find(const ending_ptr& one) {
    self->request(options.hub, std::max(left(*one), milliseconds{1}), find_broker{one->work.broker_name})
        .then([this, one](const broker_dialed& found) { tell(one, found.broker); },
              [this, one](const caf::error& failure) { failed(one, actors::to_error(failure)); });
}

void agent_state::tell(const ending_ptr& one, const actors::broker_actor& broker) {
    self->request(actors::net::role_of<actors::transaction_actor>(broker), std::max(left(*one), milliseconds{1}), one->work.order)
        .then([one](const actors::transaction_ended&) { one->finish({}); },
              [this, one](const caf::error& failure) { failed(one, actors::to_error(failure)); });
}

/// Telling it twice does no harm.
void agent_state::failed(const ending_ptr& one, const error& failure) {
    const bool may_work_later = classify_send_failure(failure.code) == retry_kind::until_timeout || hints_at_lost_broker(failure.code);
    if (!may_work_later || left(*one) <= retry_pause)
        return one->finish(failure);
    if (paused.empty())
        self->delayed_send(self, retry_pause, ending_tick{});
    paused.push_back(one);
}

void agent_state::handle(const ending_tick&) {
    for (const auto& one : std::exchange(paused, {}))
        find(one);
}

void agent_state::handle(const transaction_asked& question) {
    if (waiting->load(std::memory_order_relaxed) >= options.questions_max)
        return; // asked again
    waiting->fetch_add(1, std::memory_order_relaxed);
    self->send(check, question_for_check{question.question});
}

transaction_agent_actor::behavior_type transaction_agent(agent_state::pointer self, transaction_agent_options options) {
    self->state.start(std::move(options));
    return {
        [](const route_known&) {},
        [](const membership_changed&) {},
        [self](const transaction_asked& question) { self->state.handle(question); },
        [](const reply_arrived&) {},
        [self](const end_half& work) { self->state.handle(work); },
        [self](const ending_tick& tick) { self->state.handle(tick); },
    };
}

} // namespace

transaction_agent_actor spawn_transaction_agent(caf::actor_system& system, transaction_agent_options options) {
    return system.spawn(transaction_agent, std::move(options));
}

} // namespace troupe::client
