#pragma once

#include "actors/messages/internal_roles.hpp"

#include <deque>
#include <vector>

namespace troupe::actors {

/// A stored record whose sender has not been told yet.
struct pending_ack {
    log_position end; ///< just past its last byte: may be acknowledged when the watermark has reached this
    ticket_holder_actor holder;
    append_outcome outcome;
};

/// Acknowledgements in order of log position, waiting for a watermark: the durable position (flush mode sync) or the
/// written one (async). Replication will lower the watermark and change nothing here.
///
/// Threads  not synchronised.
/// Always   an ack leaves exactly once, by release or by fail_all.
class pending_acks {
public:
    /// `ack.end` must not be below that of the last one added.
    void add(pending_ack ack);
    /// Everything that ends at or below `watermark`.
    [[nodiscard]] std::vector<pending_ack> release(log_position watermark);
    /// Everything, each with `failure` as its outcome.
    [[nodiscard]] std::vector<pending_ack> fail_all(const error& failure);
    [[nodiscard]] std::size_t size() const { return waiting_.size(); }

private:
    std::deque<pending_ack> waiting_;
};

} // namespace troupe::actors
