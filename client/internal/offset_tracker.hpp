#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <cstddef>
#include <deque>
#include <optional>

namespace troupe::client {

/// Which offset of a queue may be committed while its messages are handled in any order.
///
/// Threads  not synchronised.
/// Always   1. Every message below position() has been done; position() never goes back, except by reset().
///          2. Offsets are added in rising order; gaps are messages that the filter left out.
/// Size     span() entries; the owner bounds it by adding nothing while it is too large.
class offset_tracker {
public:
    /// Forgets everything; the next message to read is `next`.
    void reset(queue_offset next);
    /// A message was taken over. False, and nothing happens, when it is not above all earlier ones.
    bool add(queue_offset offset);
    /// Reading goes on at `next`: everything below that was not added is to be skipped.
    void advance(queue_offset next);
    /// The message is done. False for one that is unknown or done already.
    bool done(queue_offset offset);

    /// The lowest offset that is not done.
    [[nodiscard]] queue_offset position() const;
    /// Where reading goes on.
    [[nodiscard]] queue_offset next() const { return next_; }
    /// The highest message that was added and is not done; none when all are.
    [[nodiscard]] std::optional<queue_offset> newest() const;
    /// Messages added and not done.
    [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
    /// Messages from the oldest that is not done up to the newest, done or not.
    [[nodiscard]] std::size_t span() const { return entries_.size(); }

private:
    struct entry {
        queue_offset offset;
        bool is_done = false;
    };
    std::deque<entry> entries_; // the first is not done
    queue_offset next_;
    std::size_t outstanding_ = 0;
};

} // namespace troupe::client
