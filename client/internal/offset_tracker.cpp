#include "client/internal/offset_tracker.hpp"

#include <algorithm>

namespace troupe::client {

void offset_tracker::reset(queue_offset next) {
    entries_.clear();
    outstanding_ = 0;
    next_ = next;
}

bool offset_tracker::add(queue_offset offset) {
    if (offset < next_)
        return false;
    entries_.push_back({offset, false});
    ++outstanding_;
    next_ = offset + 1;
    return true;
}

void offset_tracker::advance(queue_offset next) {
    next_ = std::max(next_, next);
}

bool offset_tracker::done(queue_offset offset) {
    const auto at =
        std::lower_bound(entries_.begin(), entries_.end(), offset, [](const entry& x, queue_offset wanted) { return x.offset < wanted; });
    if (at == entries_.end() || at->offset != offset || at->is_done)
        return false;
    at->is_done = true;
    --outstanding_;
    while (!entries_.empty() && entries_.front().is_done)
        entries_.pop_front();
    return true;
}

queue_offset offset_tracker::position() const {
    return entries_.empty() ? next_ : entries_.front().offset;
}

std::optional<queue_offset> offset_tracker::newest() const {
    const auto at = std::find_if(entries_.rbegin(), entries_.rend(), [](const entry& each) { return !each.is_done; });
    return at != entries_.rend() ? std::optional{at->offset} : std::nullopt;
}

} // namespace troupe::client
