#pragma once

#include "bench/load_generator.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <sys/types.h>

namespace troupe::bench {

/// A group of many members, each with a client id and a connection of its own, all served by one epoll loop. Headers are JSON, as the
/// binary form has no room for the codes of pops.
struct member_load {
    protocol::host_address broker;
    std::string topic; ///< exists, and holds nothing that the group has read
    std::string group = "bench-members";
    std::int32_t queues = 4;
    std::int32_t members = 1'000;
    /// Each member pops of any queue, and acknowledges what it got. Else each pulls its queues (member i those whose number divided by
    /// `members` leaves i), and commits with the next pull.
    bool pops = true;
    std::int32_t messages_max = 32;              ///< in one answer
    std::chrono::milliseconds invisible{30'000}; ///< pops: delivered again when not acknowledged in time
    std::chrono::milliseconds hold{15'000};      ///< how long the broker keeps a request that finds nothing
    std::chrono::milliseconds settle{1'000};     ///< nothing has come for so long when memory is read and sending begins
    std::chrono::milliseconds warm_up{1'000};    ///< from the begin of sending on
    std::chrono::milliseconds measure{5'000};
    std::chrono::milliseconds patience{45'000}; ///< without a new message while some are missing: then the run fails
    pid_t broker_process = 0;                   ///< for CPU and memory; 0: not read
};

struct member_report {
    /// First deliveries in the measured time. `latency` is from the send time in the body to the arrival here, of all messages sent in
    /// the measured time, however late they came. CPU per message is of all messages of the run, from the begin of sending until the
    /// last one is acknowledged: what the broker spends on sends is in it.
    load_report deliveries;
    std::uint64_t messages = 0;     ///< of the whole run, each counted once
    std::uint64_t acknowledged = 0; ///< in the measured time: pops with an answer, pulls with the next pull
    double acknowledged_per_second = 0;
    std::uint64_t answers = 0;     ///< that brought messages, in the whole run
    std::uint64_t repeated = 0;    ///< deliveries of what had arrived already
    std::uint64_t redelivered = 0; ///< deliveries that the broker says are not the first
    std::uint64_t refused = 0;     ///< answers "busy" and "too many wait"; asked again after a tenth of a second
    double smallest_share = 0;     ///< what the member with the fewest messages of the measured time got, to the mean; pulls alike
    double largest_share = 0;
    double drain_seconds = 0;    ///< from the end of sending until everything was there and acknowledged
    double join_seconds = 0;     ///< until the broker had told every member of every other one, and was quiet
    double join_cpu_seconds = 0; ///< of the broker
    std::int64_t private_bytes_waiting = 0;
    std::int64_t private_bytes_after = 0;
};

/// Has the members join and wait, then calls `send` on a thread of its own, and returns when it is done and every message of the topic has
/// arrived and is acknowledged: the broker's own offset of the group is at the end of each queue.
/// Fails with what `send` fails with, and with connect_failed, connection_lost, timed_out (not everything arrived or was acknowledged; the
/// text says how much), protocol_error (an answer that is none of a pop or pull), io (the system allows too few open files).
result<member_report> run_member_load(const member_load& load, const std::function<result<void>()>& send);

} // namespace troupe::bench
