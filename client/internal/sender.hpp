#pragma once

#include "client/internal/encode_send.hpp"
#include "client/internal/inbox.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/internal/roles.hpp"
#include "client/internal/send_window.hpp"
#include "client/producer.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

/// One call of the producer on its way: a single message, or a batch that stays together.
struct pending_send {
    std::vector<encoded_message> messages; ///< never empty; more than one: a batch of the caller
    std::size_t bytes = 0;
    queue_choice choice;
    bool once = false;  ///< one-way: a single attempt
    bool alone = false; ///< not to be coalesced (again)
    send_attempts attempts{{}, 0};
    std::string failed_broker; ///< of the last attempt
    error last_failure;
    time_point not_before;
    std::function<void(result<std::vector<send_receipt>>)> done;
};

/// What a producer's callers and its actor share. Outlives both.
struct sender_shared {
    explicit sender_shared(const producer_options& all) : options{all}, window{all.in_flight_messages_max, all.in_flight_bytes_max} {}

    const producer_options options;
    send_window window;
    inbox<std::unique_ptr<pending_send>> incoming;
    unique_key_generator ids;
    std::atomic<std::uint64_t> messages_sent{0};
    std::atomic<std::uint64_t> messages_failed{0};
    std::atomic<std::uint64_t> attempts_retried{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<bool> closed{false};

    /// Tells the caller and gives the room back.
    void finish(pending_send& send, result<std::vector<send_receipt>> outcome);
};

/// True on the thread that runs a producer's callback.
bool inside_callback();

/// Sends what callers leave in the inbox.
///
/// In     inbox_filled, route_known; membership_changed, from which nothing follows
///        producer_tick to itself while anything waits for a route, a pause or a timeout; producer_sweep every minute while it knows a topic
/// Out    watch_topic, unwatch_topic, suspect_route, suspect_broker to the hub; send_messages to brokers
/// State  per queue a lane: messages waiting, at most requests_per_queue_max requests unanswered. Empty lanes go, and of more than
///        256 topics those that were not used for five minutes
/// Always every pending_send is finished exactly once; on the actor's end with shutting_down.
producer_actor spawn_sender(caf::actor_system& system, std::shared_ptr<sender_shared> shared, hub_actor hub);

} // namespace troupe::client
