#pragma once

#include "client/internal/offset_tracker.hpp"
#include "client/internal/prefetch_window.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/internal/to_received.hpp"
#include "client/message.hpp"
#include "client/pull_consumer.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace troupe::client {

/// One queue while a consumer reads it: where it is, what it holds, when it may ask again.
///
/// Threads  not synchronised, except `revoked`.
class queue_progress {
public:
    queue_progress(const fetch_options& options, std::uint64_t generation_number)
        : generation{generation_number},
          window{options.prefetch_messages_max, options.prefetch_bytes_max},
          span_max{options.prefetch_span_max},
          pause{options.retry_delay_min, options.retry_delay_max} {}

    /// The first position is known: reading begins.
    void start_at(queue_offset offset, bool is_committed) {
        tracker.reset(offset);
        window.clear();
        located = true;
        pause.succeed();
        if (is_committed)
            committed = offset;
    }
    [[nodiscard]] bool wants_pull(time_point now) const { return located && !asking && has_room() && now >= not_before; }
    [[nodiscard]] bool has_room() const { return window.open() && tracker.span() < span_max; }
    /// Messages that may be asked for; at least 1 while there is room.
    [[nodiscard]] std::size_t messages_free() const {
        return std::min(window.messages_free(), span_max - std::min(span_max, tracker.span()));
    }
    [[nodiscard]] bool wants_location(time_point now) const { return !located && !asking && now >= not_before; }
    /// When it may ask, if it only waits for the time.
    [[nodiscard]] std::optional<time_point> next_ask() const {
        return !asking && (!located || has_room()) ? std::optional{not_before} : std::nullopt;
    }
    void fail(time_point now) { not_before = now + pause.fail(); }
    [[nodiscard]] bool wants_commit() const { return located && committed != tracker.position(); }

    std::uint64_t generation; ///< answers and reports of an older one are void
    /// Seen by handler threads: the queue is no longer ours, or was moved.
    std::shared_ptr<std::atomic<bool>> revoked = std::make_shared<std::atomic<bool>>(false);
    offset_tracker tracker;
    prefetch_window window;
    std::size_t span_max;
    backoff pause;
    std::optional<seek_target> target; ///< of a caller; else the group's first position
    bool located = false;
    bool asking = false; ///< a pull or a question for the position is unanswered
    time_point not_before;
    std::optional<queue_offset> committed;
    /// Ordered: where an operator has sent the group (220), until it is committed under the queue's lock.
    std::optional<queue_offset> adopted;
    time_point pulled_at;             ///< when it was pulled last
    std::int64_t last_pull_ms = 0;    ///< the same, since 1970; 0: never
    std::int64_t last_handled_ms = 0; ///< when its messages were last handled; before that, when it was taken over

    std::deque<stored_message> backlog;              ///< ordered: not handed out yet
    bool handed_out = false;                         ///< ordered: a handler has some
    std::multimap<time_point, stored_message> again; ///< failed: hand out again then
    /// Ordered: given back to their broker as dead, and not committed; not to be read once more when the queue begins anew. With what tells
    /// each from another message, which may have its offset when the broker has lost its unsynced end. At most given_up_max: beyond that the
    /// first may become another dead letter.
    std::map<queue_offset, std::string> given_up;
    static constexpr std::size_t given_up_max = 1000;
    void note_given_up(const received_message& m) {
        given_up.insert_or_assign(m.offset, identity_of(m));
        if (given_up.size() > given_up_max)
            given_up.erase(given_up.begin());
    }
    [[nodiscard]] bool is_given_up(const received_message& m) const {
        const auto known = given_up.find(m.offset);
        return known != given_up.end() && known->second == identity_of(m);
    }
    static std::string identity_of(const received_message& m) {
        return m.offset_message_id + " " + std::string{m.message_id()} + " " + std::to_string(m.stored.value());
    }
};

} // namespace troupe::client
