#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// JSON bodies of requests about transactions that RocketMQ does not have.
namespace troupe::protocol {

/// A half message without an outcome, or a message that was given up.
struct transaction_entry {
    log_position position; ///< of the half message: the name of the transaction on its broker; or of the given-up message
    queue_offset offset;   ///< of the same in its queue
    std::string offset_message_id;
    std::string unique_key;
    std::string group;
    std::string topic; ///< where it goes when it is committed
    queue_id queue;
    std::int32_t body_bytes = 0;
    timestamp_ms born;
    timestamp_ms stored;
    std::int32_t checks = 0; ///< how often a producer was asked; 0 of given-up ones
    timestamp_ms asked;      ///< the last time; 0: never
    friend bool operator==(const transaction_entry&, const transaction_entry&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, transaction_entry& x) {
        return f(x.position, x.offset, x.offset_message_id, x.unique_key, x.group, x.topic, x.queue, x.body_bytes, x.born, x.stored,
                 x.checks, x.asked);
    }
};

/// Some of a broker's, in their order.
struct transaction_list {
    std::vector<transaction_entry> entries;
    log_position next;        ///< ask for those behind it, to go on
    queue_offset next_offset; ///< of given-up ones: ask for those from there on
    bool is_complete = true;  ///< there are none behind it
    std::int64_t pending = 0; ///< how many there are, of all producer groups
    friend bool operator==(const transaction_list&, const transaction_list&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, transaction_list& x) {
        return f(x.entries, x.next, x.next_offset, x.is_complete, x.pending);
    }
};
std::string encode_transaction_list(const transaction_list& list);
/// Fails with protocol_error.
result<transaction_list> decode_transaction_list(std::string_view json);

} // namespace troupe::protocol
