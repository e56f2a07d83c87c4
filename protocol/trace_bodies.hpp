#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The JSON body of a request that RocketMQ does not have: what a broker knows of one message's way to its consumers.
namespace troupe::protocol {

/// A range of offsets with the message in it was handed to a client, once or several times in a row.
struct traced_delivery {
    std::string client_id; ///< empty: not known any more, or a client inside the broker's process
    timestamp_ms first;
    timestamp_ms last;
    bool is_partial = false; ///< not all of the range was handed out: the client's filter may have left the message out
    friend bool operator==(const traced_delivery&, const traced_delivery&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, traced_delivery& x) {
        return f(x.client_id, x.first, x.last, x.is_partial);
    }
};
/// Where the message stands with a group that pops its queue.
struct traced_pop {
    bool is_known = false;        ///< the group has popped as far as this message
    bool is_acknowledged = false; ///< and the rest says nothing
    timestamp_ms visible;         ///< from then on it is delivered again
    timestamp_ms last;            ///< it was delivered
    std::int32_t deliveries = 0;  ///< so far
    friend bool operator==(const traced_pop&, const traced_pop&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, traced_pop& x) {
        return f(x.is_known, x.is_acknowledged, x.visible, x.last, x.deliveries);
    }
};
/// What a group has done with the message.
struct traced_group {
    std::string group;
    queue_offset committed{-1};              ///< the group's offset on the queue: below it everything is acknowledged; -1: none
    std::vector<traced_delivery> deliveries; ///< in the order of their times
    traced_pop popped = {};                  ///< where it is known, `committed` does not say whether the message is done
    /// A queue is read in order, or popped message by message.
    [[nodiscard]] bool has_acknowledged(queue_offset offset) const { return popped.is_known ? popped.is_acknowledged : offset < committed; }
    friend bool operator==(const traced_group&, const traced_group&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, traced_group& x) {
        return f(x.group, x.committed, x.deliveries, x.popped);
    }
};
struct message_trace {
    bool is_indexed = false;          ///< consumers can read it: it is in the index of its queue
    timestamp_ms complete_since;      ///< of deliveries before this moment some may be forgotten; all are at a restart
    std::vector<traced_group> groups; ///< those with an offset on the queue, and those it was handed to; by name
    friend bool operator==(const message_trace&, const message_trace&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, message_trace& x) {
        return f(x.is_indexed, x.complete_since, x.groups);
    }
};
std::string encode_message_trace(const message_trace& trace);
/// Fails with protocol_error.
result<message_trace> decode_message_trace(std::string_view json);

} // namespace troupe::protocol
