#pragma once

#include "actors/messages/pop_messages.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/internal/roles.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <functional>
#include <vector>

namespace troupe::client {

/// Ask a broker for messages.
struct carry_pop {
    actors::pop_actor broker;
    actors::pop_messages order;
    milliseconds timeout{3'000};
    /// Called once with the answer, on a thread of the scheduler, or destroyed uncalled with the agent. What it returns is given back to
    /// the broker.
    std::function<std::vector<actors::change_invisible_time>(result<actors::messages_popped>)> answered;
};
/// Give messages back to a broker; if that fails they come when their time is over.
struct carry_back {
    actors::pop_actor broker;
    std::vector<actors::change_invisible_time> orders;
};
/// No more is asked: end when what was asked is answered.
struct end_carrying {};

using pop_agent_actor = caf::typed_actor<caf::reacts_to<carry_pop>, caf::reacts_to<carry_back>, caf::reacts_to<end_carrying>>;

/// Spawns who asks brokers for a pop consumer, and stays while its answers are under way: an answer that comes when nobody waits for it
/// any more holds messages all the same.
///
/// In     carry_pop       asks; `answered` says what is to be given back
///        carry_back      likewise, of what was answered before
///        end_carrying    the consumer was closed
/// Out    pop_messages, change_invisible_time to brokers
/// State  how many answers are awaited
/// Ends   after end_carrying, when nothing is awaited; or with the hub.
pop_agent_actor spawn_pop_agent(caf::actor_system& system, hub_actor hub, milliseconds request_timeout);

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::carry_pop)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::carry_back)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::end_carrying)
