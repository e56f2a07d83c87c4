#pragma once

#include "protocol/vocabulary/payload.hpp"
#include "storage/message_store.hpp"
#include "storage/pop_store.hpp"

#include <optional>
#include <string>
#include <vector>

/// Records for pops, from the log.
namespace troupe::actors {

/// The record at exactly this offset; nothing when the log does not have it, or it is damaged.
result<std::optional<payload>> read_one(const storage::message_store& store, const topic_queue& queue, queue_offset offset);

/// A record as it is delivered again: it says how often it was delivered before, and when first. What else it holds stays.
/// Fails with corrupt.
result<std::string> redelivered_record(const payload& record, const storage::pop_lease& lease);

/// Offsets of records that stand one after the other.
[[nodiscard]] std::vector<queue_offset> offsets_of_records(std::string_view records);

} // namespace troupe::actors
