#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <cstdint>
#include <string_view>

/// What the log says of transactions. docs/states/transaction.md has the whole picture.
///
/// A half message is a record of half_topic. It is pending until the log holds one record whose prepared-transaction position is the
/// position of the half message: that record alone is the outcome, and its topic says which one. So an outcome is one write, and what
/// is pending follows from the log. A half message that names a position in the same field resumes the given-up record there: it is
/// pending, and that record is not resumed once more. That is one write, too.
namespace troupe::storage {

/// Where half messages wait. Only the broker writes to it, and nobody reads it.
inline constexpr std::string_view half_topic = "RMQ_SYS_TRANS_HALF_TOPIC";
/// Rolled back: a record here. Records of the type "prepared" (in their sys flag) are no outcome: they note that the producer was asked.
inline constexpr std::string_view transaction_operation_topic = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
/// Given up: the message is kept here, and none of its consumers sees it. A record of any other topic is a committed message.
inline constexpr std::string_view transaction_given_up_topic = "TRANS_CHECK_MAX_TIME_TOPIC";

/// A half message without an outcome.
struct pending_transaction {
    log_position position; ///< of the half message: the name of the transaction on this broker
    queue_offset offset;   ///< of the half message in half_topic
    std::int32_t bytes = 0;
    timestamp_ms stored;
    std::int32_t checks = 0; ///< how often a producer was asked
    timestamp_ms asked;      ///< the last time; 0: never
    friend bool operator==(const pending_transaction&, const pending_transaction&) = default;
};

/// A given-up record that goes on.
struct resumed_transaction {
    log_position given_up;
    log_position half;   ///< of the half message that it goes on as
    queue_offset offset; ///< likewise, in half_topic
    friend bool operator==(const resumed_transaction&, const resumed_transaction&) = default;
};

} // namespace troupe::storage
