#include "client/internal/pop_agent.hpp"

#include "actors/messages/type_ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace troupe::client {

namespace {

struct agent_state {
    static inline const char* name = "pop_agent";
    using pointer = pop_agent_actor::stateful_pointer<agent_state>;

    explicit agent_state(pointer actor) : self{actor} {}

    void handle(const carry_pop& work);
    void give_back(const actors::pop_actor& broker, const std::vector<actors::change_invisible_time>& orders);
    void ended();
    void end();

    pointer self;
    milliseconds request_timeout{};
    std::size_t open = 0;
    bool ending = false;
};

void agent_state::handle(const carry_pop& work) {
    ++open;
    self->request(work.broker, work.timeout, work.order)
        .then(
            [this, broker = work.broker, answered = work.answered](const actors::messages_popped& answer) {
                give_back(broker, answered(answer));
                ended();
            },
            [this, broker = work.broker, answered = work.answered](const caf::error& failure) {
                give_back(broker, answered(actors::to_error(failure)));
                ended();
            });
}

void agent_state::give_back(const actors::pop_actor& broker, const std::vector<actors::change_invisible_time>& orders) {
    for (const auto& order : orders) {
        ++open;
        self->request(broker, request_timeout, order)
            .then([this](const actors::invisible_time_changed&) { ended(); }, [this](const caf::error&) { ended(); });
    }
}

void agent_state::ended() {
    --open;
    end();
}

void agent_state::end() {
    if (ending && open == 0)
        self->quit();
}

pop_agent_actor::behavior_type pop_agent(agent_state::pointer self, const hub_actor& hub, milliseconds request_timeout) {
    self->state.request_timeout = request_timeout;
    self->monitor(hub);
    self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
    self->set_error_handler([](caf::error&) {});
    return {
        [self](const carry_pop& work) { self->state.handle(work); },
        [self](const carry_back& work) { self->state.give_back(work.broker, work.orders); },
        [self](const end_carrying&) {
            self->state.ending = true;
            self->state.end();
        },
    };
}

} // namespace

pop_agent_actor spawn_pop_agent(caf::actor_system& system, hub_actor hub, milliseconds request_timeout) {
    return system.spawn(pop_agent, std::move(hub), request_timeout);
}

} // namespace troupe::client
