#pragma once

#include "client/internal/to_received.hpp"
#include "protocol/member_bodies.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace troupe::client {

/// One message that a tool hands to a consumer (RocketMQ: CONSUME_MESSAGE_DIRECTLY), on its way to a handler thread. No offset moves with it.
///
/// Threads  safe from any thread.
/// Always   `done` is called once, if the handler got the message, and never for one that was given up before.
class direct_consumption {
public:
    using completion = std::function<void(protocol::direct_result)>;
    direct_consumption(stored_message message, completion done) : message_{std::move(message)}, done_{std::move(done)} {}
    direct_consumption(const direct_consumption&) = delete;
    direct_consumption& operator=(const direct_consumption&) = delete;

    [[nodiscard]] const stored_message& message() const { return message_; }
    /// A handler is about to get it. False: nobody waits for it any more, and it must not.
    bool begin() {
        auto expected = stage::waiting;
        return stage_.compare_exchange_strong(expected, stage::begun);
    }
    void end(protocol::direct_result result) { done_(std::move(result)); }
    /// Nobody waits for it any more. True: a handler has it, and goes on.
    bool give_up() {
        auto expected = stage::waiting;
        return !stage_.compare_exchange_strong(expected, stage::over);
    }
    [[nodiscard]] bool is_over() const { return stage_ == stage::over; }

private:
    enum class stage : std::uint8_t { waiting, begun, over };
    const stored_message message_;
    const completion done_;
    std::atomic<stage> stage_{stage::waiting};
};

} // namespace troupe::client
