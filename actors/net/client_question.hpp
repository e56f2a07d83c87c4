#pragma once

#include "protocol/remoting_command.hpp"

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace troupe::actors::net {

/// What a broker is told; to whoever spawned the question. Stays in the process.
struct question_answered {
    std::uint64_t number = 0;
    protocol::remoting_command answer; ///< without opaque and codec
};
struct question_origin {
    caf::actor_addr asker;
    std::uint64_t number = 0;
};

/// How long a session has for its answer: less than a broker waits for the client's.
std::chrono::milliseconds client_question_timeout(std::int32_t request_code);

/// Spawns what asks sessions of clients a broker's question (codes 221, 307, 309), in turn until one has the group that it is about.
///
/// Out    forward_to_client, ask_client_status to sessions; question_answered to `origin`, once
/// Ends   when it has the answer, or one session has not answered in time.
void spawn_client_question(caf::actor_system& system, protocol::remoting_command question, std::vector<caf::actor_addr> sessions,
                           question_origin origin);

} // namespace troupe::actors::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::question_answered)
