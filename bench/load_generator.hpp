#pragma once

#include "bench/histogram.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <sys/types.h>

/// Lean load on one broker over plain sockets: one epoll loop, frames prepared once and patched, binary headers. It measures
/// the broker, not a client library, so it uses none (see docs/decisions/0006-load-generator.md).
namespace troupe::bench {

struct send_load {
    protocol::host_address broker;
    std::string topic;
    std::int32_t queues = 8;
    std::int32_t senders = 1;               ///< connections
    std::int32_t window = 1;                ///< requests in flight per connection
    std::size_t body_bytes = 1024;          ///< at least 8: the first 8 hold the send time for end-to-end latency
    std::int32_t batch = 0;                 ///< messages per request; 0: plain messages
    std::chrono::milliseconds delay_min{0}; ///< timed messages, each due after a random time from here ...
    std::chrono::milliseconds delay_max{0}; ///< ... to here; 0: plain messages. Not in batches
    std::int32_t delay_level = 0;           ///< each message waits for the delay of this level; 0: plain messages. Not in batches
    std::int32_t rare_every = 0; ///< in batches: the first of so many messages has the tag and the property "kind" rare, the others many
    bool oneway = false;         ///< no answers, so no window; requests with an answer close the run, so that all were taken
    bool transactions = false;   ///< each message is a half message, and committed with a second request when it is stored
    double rate = 0;             ///< messages per second, open loop, latency from the intended time; 0: closed loop
    std::chrono::milliseconds warm_up{1000};
    std::chrono::milliseconds measure{5000};
    pid_t broker_process = 0; ///< for CPU per message; 0: not read
};

struct load_report {
    std::uint64_t messages = 0; ///< acknowledged (oneway: written) in the measured time
    std::uint64_t failures = 0; ///< answers other than success
    std::uint64_t busy = 0;     ///< of these: busy
    double seconds = 0;
    double messages_per_second = 0;
    double bytes_per_second = 0; ///< bodies
    std::uint64_t overdue = 0;   ///< open loop: due and not answered when the run ended; `latency` holds how late they were by then
    histogram latency;           ///< of requests
    double broker_cpu_us_per_message = 0;
    double client_cpu_us_per_message = 0;
};

/// Fails with connect_failed, connection_lost (the broker closed), timed_out (no answer for 10 s).
result<load_report> run_send_load(const send_load& load);

struct consume_load {
    protocol::host_address broker;
    std::string topic;
    std::string group = "bench";
    std::int32_t queues = 8;
    std::int32_t messages_max = 1024;
    std::int32_t bytes_max = 1 << 20;
    std::string expression = "*";
    std::string expression_type = "TAG";
    bool from_end = false;      ///< start at each queue's end (tail), else at 0
    std::uint64_t messages = 0; ///< stop after so many; 0: by time alone
    std::chrono::milliseconds warm_up{0};
    std::chrono::milliseconds measure{5000};
    pid_t broker_process = 0;
};

/// Pulls all queues over one connection, one pull per queue in flight. `latency` is from the send time in the body (same
/// machine, monotonic clock) to the arrival here; only of messages that the load generator made.
result<load_report> run_consume_load(const consume_load& load);

/// Creates topics `prefix`0 ... with `queues` queues over one connection, `window` requests in flight.
result<load_report> run_create_topics(const protocol::host_address& broker, const std::string& prefix, std::int32_t topics,
                                      std::int32_t queues, std::int32_t window);

/// Holds `pulls` pulls for `hold` on the empty queues of topics `prefix`0 ...; returns when all are answered.
result<load_report> run_held_pulls(const protocol::host_address& broker, const std::string& prefix, std::int32_t topics,
                                   std::int32_t queues, std::int32_t pulls, std::chrono::milliseconds hold,
                                   const std::function<void()>& when_all_are_held);

/// Sends messages round-robin over topics `prefix`0 ... `topics`-1 with the shape of `load`.
result<load_report> run_send_load_over_topics(const send_load& load, const std::string& prefix, std::int32_t topics);

} // namespace troupe::bench
