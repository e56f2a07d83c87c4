#pragma once

#include "protocol/bodies.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// JSON bodies in which a consumer says of itself what a tool asks through its broker. Brokers pass them on unread, so there are only writers.
/// Times are in milliseconds, points in time since 1970.
/// Source: RocketMQ's ConsumerRunningInfo, ProcessQueueInfo, ConsumeStatus, ConsumeMessageDirectlyResult.
namespace troupe::protocol {

// ---- what is it doing? ----------------------------------------------------------------------------------------------

/// One queue as its member reads it (RocketMQ: ProcessQueueInfo).
struct held_queue {
    std::int64_t position = -1;       ///< everything below is done; -1: not known yet
    std::int64_t first_offset = 0;    ///< of the messages held: fetched and not done
    std::int64_t last_offset = 0;     ///< of these
    std::int64_t messages = 0;        ///< how many these are
    std::int64_t bytes = 0;           ///< of these; tools see whole MiB
    bool locked = false;              ///< ordered: its broker has locked it for this member
    std::int64_t locked_ms = 0;       ///< when it was last asked to; 0: it is not locked
    std::int64_t last_pull_ms = 0;    ///< 0: never
    std::int64_t last_handled_ms = 0; ///< when the handler last had messages of it; before that, when the member got the queue
};

/// What became of one topic's messages (RocketMQ: ConsumeStatus): over the last minute, if nothing else is said.
struct consume_rates {
    double pull_ms = 0;           ///< mean time of a pull that found messages; with the wait for them
    double pulled_per_second = 0; ///< messages
    double handle_ms = 0;         ///< mean time of a handler call
    double done_per_second = 0;
    double failed_per_second = 0;
    std::int64_t failed_last_hour = 0;
};

/// Answer to 307.
struct running_info {
    std::map<std::string, std::string> properties; ///< "PROP_CONSUME_TYPE" and the like
    std::vector<subscription_data> subscriptions;
    std::map<message_queue, held_queue> queues;
    std::map<std::string, consume_rates> rates; ///< by topic
};
std::string encode_running_info(const running_info& info);

// ---- one message at a tool's word -----------------------------------------------------------------------------------

/// What a handler said of it (RocketMQ: CMResult).
enum class direct_outcome : std::uint8_t {
    done,        ///< CR_SUCCESS
    retry_later, ///< CR_LATER
    threw        ///< CR_THROW_EXCEPTION
};
/// Answer to 309.
struct direct_result {
    direct_outcome outcome = direct_outcome::done;
    bool ordered = false; ///< the consumer keeps the order of queues
    std::string remark;   ///< of an exception; may be empty
    std::int64_t spent_ms = 0;
};
std::string encode_direct_result(const direct_result& result);

} // namespace troupe::protocol
