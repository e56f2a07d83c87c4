#pragma once

#include "client/connection.hpp"
#include "client/message.hpp"
#include "client/producer.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::client {

struct requester_options {
    /// `full` is not used: a request for which there is no room fails with busy. It is not sent any more when its own time is over.
    producer_options sending;
    /// Topics that will be sent to: their brokers know this client from the start, instead of from its first request to them on.
    std::vector<std::string> topics;
    std::size_t requests_max = 10'000; ///< that wait for their replies
};

/// Sends messages that somebody answers (RocketMQ: request-reply). A request is a message like any other, stored and delivered by its
/// topic; whoever consumes it answers with reply(), and the broker hands the reply to this client. Replies are not stored: one that
/// comes when nobody waits any more is dropped.
///
/// Threads  safe to use from any thread, not from a completion. Completions run on a thread of the client: they must not block.
/// Fails    open() with group_illegal, argument_illegal, already_exists (the connection has a requester of this group); a request as
///          producer::send, with property_illegal for one that has RocketMQ's properties of a request already, busy when requests_max
///          wait or there is no room to send, timed_out when no reply came in time, shutting_down when the requester is closed.
class requester {
public:
    using completion = std::function<void(result<received_message>)>; ///< the reply; its `queue` names the broker that passed it on

    static result<requester> open(const connection& via, requester_options options = {});
    requester(requester&&) noexcept;
    requester& operator=(requester&&) noexcept;
    requester(const requester&) = delete;
    requester& operator=(const requester&) = delete;
    ~requester(); ///< close()

    /// Waits for the reply, at most `timeout` from now; the replier is told how long.
    result<received_message> request(message m, std::chrono::milliseconds timeout, const queue_choice& choice = {});
    /// `done` is called exactly once.
    void request_async(message m, std::chrono::milliseconds timeout, completion done, const queue_choice& choice = {});

    /// Ends what waits with shutting_down; completions may come when it has returned, until the connection's last copy is gone.
    void close();

private:
    class state;
    explicit requester(std::shared_ptr<state> s);
    std::shared_ptr<state> state_;
};

/// Answers a request that a consumer of `via` received, with the body, flag and properties of `answer`; its topic is left empty. Blocks
/// up to the connection's request timeout; fine in a consumer's handler, not in a producer's callback. Fails with argument_illegal for a
/// message that is no request, connection_lost when whoever asked is not connected any more, and as requests do.
result<void> reply(const connection& via, const received_message& request, message answer);

} // namespace troupe::client
