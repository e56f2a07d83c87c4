#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Committed offsets that nobody waits for, for the offset keeper. While it waits for the disk, what is noted meanwhile is kept here, one
/// offset per queue and group: its mailbox has no bound. With a keeper that keeps up nothing waits.
///
/// Threads  not synchronised.
/// Always   of a queue and group, the offset that was noted last is sent last.
class offset_notes {
public:
    void add(const progress_key& key, queue_offset offset) { notes_.insert_or_assign(key, offset); }
    void erase(const progress_key& key) { notes_.erase(key); }

    /// No message is under way: the next one may go. One more may go at any time for who needs it to be there first.
    [[nodiscard]] bool is_idle() const { return under_way_ == 0; }
    /// What there is, to be sent now.
    [[nodiscard]] std::vector<std::pair<progress_key, queue_offset>> take() {
        std::vector<std::pair<progress_key, queue_offset>> taken{notes_.begin(), notes_.end()};
        notes_.clear();
        return taken;
    }
    void sent() { ++under_way_; }
    /// The keeper has answered a message, or it failed.
    void answered() { --under_way_; }

private:
    std::map<progress_key, queue_offset> notes_;
    std::size_t under_way_ = 0;
};

} // namespace troupe::actors
