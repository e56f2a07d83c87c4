#pragma once

#include "actors/messages/roles.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// A producer and a consumer for simulations: plain actors on the roles' handles, which write down all they are told.
namespace troupe::test_support {

/// A queue of the cluster: address of its broker, and its number.
using sim_queue = std::pair<std::string, std::int32_t>;

struct sim_handles {
    std::string topic;
    actors::name_server_actor name_server;
    std::map<std::string, actors::broker_actor> brokers; ///< by address, as routes name them
};

struct sim_history {
    std::set<std::string> sent;                                            ///< bodies
    std::map<sim_queue, std::map<std::int64_t, std::string>> acknowledged; ///< body by offset
    std::map<sim_queue, std::vector<std::string>> sent_in_order;           ///< acknowledged bodies, one at a time per queue
    std::map<sim_queue, std::map<std::int64_t, std::string>> consumed;     ///< body by offset
    std::vector<std::string> violations;
    std::size_t failures = 0; ///< requests that failed and were repeated
};

/// Sends `messages` messages to each of `queues`, one outstanding per queue, each until it is acknowledged; asks the name
/// server for the route first and after every failure.
caf::actor spawn_sim_producer(caf::actor_system& system, sim_handles handles, std::vector<sim_queue> queues, int messages,
                              sim_history& history);
/// Pulls every queue from offset 0 on, holding; repeats what failed.
caf::actor spawn_sim_consumer(caf::actor_system& system, sim_handles handles, std::vector<sim_queue> queues, sim_history& history);

} // namespace troupe::test_support
