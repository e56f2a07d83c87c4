#pragma once

#include "client/internal/retry_policy.hpp"
#include "client/internal/roles.hpp"
#include "client/requester.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

/// One request that waits for its reply. Tells its caller once; with shutting_down when nobody is left who could.
class awaited_reply {
public:
    /// `waiting` counts those that are not told yet; this one has been counted.
    awaited_reply(requester::completion done, std::shared_ptr<std::atomic<std::size_t>> waiting)
        : done_{std::move(done)}, waiting_{std::move(waiting)} {}
    ~awaited_reply() { tell(error{errc::shutting_down, "the requester was closed"}); }
    awaited_reply(const awaited_reply&) = delete;
    awaited_reply& operator=(const awaited_reply&) = delete;

    void tell(result<received_message> outcome);

private:
    requester::completion done_;
    std::shared_ptr<std::atomic<std::size_t>> waiting_;
};

struct await_reply {
    std::string correlation_id;
    std::chrono::milliseconds timeout;
    std::shared_ptr<awaited_reply> who;
};
/// The request was not stored.
struct request_failed {
    std::string correlation_id;
    error failure;
};
/// To itself: look for what has waited long enough.
struct reply_tick {
    time_point when; ///< it was sent for
};
using reply_agent_actor =
    producer_listener_actor::extend<caf::reacts_to<await_reply>, caf::reacts_to<request_failed>, caf::reacts_to<reply_tick>>;

/// Spawns what brings replies to the requests of one group.
///
/// In     await_reply           before its request is sent
///        request_failed        the request was not sent after all
///        reply_arrived         of the hub; for another requester or too late: dropped
///        route_known, membership_changed, transaction_asked   of the hub; nothing follows from them
///        reply_tick            to itself, when the next request has waited long enough
/// Out    join_producers, watch_topic to the hub
/// State  the requests that wait
/// Always each is told once, at its time-out at the latest, or when the agent ends.
/// Ends   on user_shutdown, or with the hub.
reply_agent_actor spawn_reply_agent(caf::actor_system& system, const hub_actor& hub, const std::string& group,
                                    const std::vector<std::string>& topics);

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::await_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::request_failed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::reply_tick)
