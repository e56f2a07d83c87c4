#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The JSON body of a request about dead letters that RocketMQ does not have.
namespace troupe::protocol {

/// A queue of the dead letter topic of a group, on one broker.
struct dead_letter_queue {
    std::string group;
    queue_id queue;
    queue_offset min; ///< offset of the first that is still there
    queue_offset max; ///< offset of the next
    timestamp_ms first_stored;
    timestamp_ms last_stored; ///< both 0: there is none
    queue_offset resent;      ///< those below it were put back by "all that were not put back yet"
    friend bool operator==(const dead_letter_queue&, const dead_letter_queue&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, dead_letter_queue& x) {
        return f(x.group, x.queue, x.min, x.max, x.first_stored, x.last_stored, x.resent);
    }
};
std::string encode_dead_letter_queues(const std::vector<dead_letter_queue>& queues);
/// Fails with protocol_error.
result<std::vector<dead_letter_queue>> decode_dead_letter_queues(std::string_view json);

} // namespace troupe::protocol
