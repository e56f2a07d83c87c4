#pragma once

#include "actors/messages/transaction_messages.hpp"
#include "client/internal/call_gate.hpp"
#include "client/internal/roles.hpp"
#include "client/transaction_producer.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

/// Tell a broker what became of a half message.
struct end_half {
    actors::end_transaction order;
    std::string broker_name;
    std::function<void(const error&)> done; ///< code none: the broker has stored it; may be empty. Destroyed uncalled if the agent ends
};
/// To itself: try again what failed a moment ago.
struct ending_tick {};
using transaction_agent_actor = producer_listener_actor::extend<caf::reacts_to<end_half>, caf::reacts_to<ending_tick>>;

struct transaction_agent_options {
    hub_actor hub;
    std::string group;
    std::vector<std::string> topics;
    transaction_producer::check_function check;
    std::shared_ptr<call_gate> gate = std::make_shared<call_gate>(); ///< closed: `check` is not called any more
    std::chrono::milliseconds request_timeout{3'000};
    std::size_t questions_max = 2'000;
};

/// Spawns what stands for a transactional producer in its group.
///
/// In     end_half              finds the broker, tells it, and again until the request timeout; then `done`
///        transaction_asked     from the hub: a broker asks; `check` is run on a thread of its own, and its answer sent as an end_half
///        route_known, membership_changed, reply_arrived   of the hub; nothing follows from them
///        ending_tick           to itself
/// Out    watch_topic, join_producers, find_broker to the hub; end_transaction to brokers
/// State  the questions that wait for `check`, at most questions_max
/// Always each `done` is called once, or destroyed with the agent.
/// Ends   on user_shutdown, or with the hub.
transaction_agent_actor spawn_transaction_agent(caf::actor_system& system, transaction_agent_options options);

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::end_half)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::ending_tick)
