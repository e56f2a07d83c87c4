#pragma once

#include "protocol/vocabulary/errc.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace troupe::actors::net {

/// Owns a connected socket until somebody takes it: a dial whose caller has ended must not leak the descriptor.
class dialed_socket {
public:
    explicit dialed_socket(int socket) : socket_{socket} {}
    ~dialed_socket();
    dialed_socket(const dialed_socket&) = delete;
    dialed_socket& operator=(const dialed_socket&) = delete;

    /// The caller owns the descriptor now; -1 when it was taken before.
    [[nodiscard]] int take();

private:
    int socket_;
};

/// How a dial ended.
struct dial_ended {
    std::shared_ptr<dialed_socket> socket; ///< null: `failure` says why
    error failure;
};

/// Connects to `address` in a thread of its own, which ends with the one message it sends to `reply_to`: dial_ended.
/// Neither the scheduler nor the multiplexer ever waits for a host that does not answer.
void spawn_connector(caf::actor_system& system, std::string address, std::chrono::milliseconds timeout, const caf::actor& reply_to);

} // namespace troupe::actors::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::dial_ended)
