#pragma once

#include "client/internal/direct_consumption.hpp"
#include "client/internal/inbox.hpp"
#include "client/internal/lock_belief.hpp"
#include "client/internal/to_received.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::client {

/// Messages of one queue for a handler or a poll.
struct delivery {
    message_queue queue;
    std::uint64_t generation = 0;
    std::shared_ptr<std::atomic<bool>> revoked;
    std::vector<stored_message> messages;
    std::shared_ptr<const lock_belief> lock; ///< no message is begun once it is not believed; null: the queue needs none
};

/// What became of them.
struct delivery_report {
    message_queue queue;
    std::uint64_t generation = 0;
    std::vector<std::pair<queue_offset, std::size_t>> done; ///< with the bytes that leave the window
    std::vector<stored_message> again;                      ///< to hand out again, in order
    bool failed = false;                                    ///< the first of `again` has failed
    bool finished = false;                                  ///< nothing of the delivery is left with the handler
    std::size_t failures = 0;                               ///< how many of `again` have failed
    std::chrono::nanoseconds spent{0};                      ///< by the handler
};

/// What a message takes of a prefetch window, as it is stored.
inline std::size_t window_bytes(const stored_message& m) {
    return m.message.body.size() + m.message.encoded_properties.size() + 200;
}

/// Who takes a consumer's messages.
///
/// Threads  called by the reader's thread; must not block.
class delivery_sink {
public:
    virtual ~delivery_sink() = default;
    virtual void deliver(delivery d) = 0;
    /// Forget what is still held of the queue.
    virtual void revoke(const message_queue& queue) = 0;
    /// Give this one message to the handler before everything else. False, and it is not: too many wait, or there is no handler any more.
    virtual bool consume(std::shared_ptr<direct_consumption> one) = 0;
    /// Do this where blocking is allowed.
    virtual void run_blocking(std::function<void()> job) = 0;
};

using report_inbox = inbox<delivery_report>;

} // namespace troupe::client
