#pragma once

#include "protocol/dead_letter_bodies.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "storage/message_store.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What people do with dead letters: look at them, and give them to their group again. RocketMQ has no requests for it; its tools send
/// them anew to their first topic, where every group gets them.
namespace troupe::actors {

/// The group under which the offset keeper keeps, on each queue of a dead letter topic, up to where messages were put back. No client can
/// have it: '@' is not allowed in the name of a group.
inline constexpr std::string_view resent_group = "@resent";

/// The copy of a dead letter for its group's retry topic: its tries begin anew, and it comes at once. Everything else stays, above all
/// where it came from, so that consumers see it as a message of its first topic. Of the stored copy the queue is open.
[[nodiscard]] protocol::message revive(protocol::message dead, const std::string& group);

// ---- from tools -----------------------------------------------------------------------------------------------------

/// Queues with dead letters of one group, or of all.
struct list_dead_letters {
    std::string group = {}; ///< empty: all
    template <class Inspector>
    friend auto inspect(Inspector& f, list_dead_letters& x) {
        return f(x.group);
    }
};
struct dead_letters_listed {
    std::vector<protocol::dead_letter_queue> queues; ///< by group and queue
    template <class Inspector>
    friend auto inspect(Inspector& f, dead_letters_listed& x) {
        return f(x.queues);
    }
};
/// Records of any queue from an offset on, for people: in no group, without a filter, without waiting. topic_not_found, queue_not_found.
struct read_page {
    topic_queue queue;
    queue_offset from; ///< outside of the queue: its nearer end
    std::int32_t messages_max = 32;
    template <class Inspector>
    friend auto inspect(Inspector& f, read_page& x) {
        return f(x.queue, x.from, x.messages_max);
    }
};
struct page_read {
    payload records; ///< one after the other; none: there are none at or behind `from`
    queue_offset next;
    queue_offset min;
    queue_offset max;
    template <class Inspector>
    friend auto inspect(Inspector& f, page_read& x) {
        return f(x.next, x.min, x.max);
    }
};
/// Give dead letters to their group again: copies go to its retry topic, which nobody else reads. At most a page at a time, in one write;
/// the order is repeated until `next` is `max`. Fails with group_not_found, topic_not_found (the group has none), queue_not_found,
/// message_not_found (nothing at `from`), busy (another order for the queue is under way), and what a send fails with.
struct resend_dead_letters {
    std::string group;
    queue_id queue;
    /// From there on, and the copies are not remembered. Negative: from where the last such order ended; then it is remembered how far this
    /// one got, after the copies are durable: a crash between the two makes the next order repeat a page, and loses none.
    queue_offset from{-1};
    std::int32_t messages_max = 1;
    template <class Inspector>
    friend auto inspect(Inspector& f, resend_dead_letters& x) {
        return f(x.group, x.queue, x.from, x.messages_max);
    }
};
struct dead_letters_resent {
    std::int32_t resent = 0;
    queue_offset next; ///< where to go on
    queue_offset max;  ///< the end of the queue
    template <class Inspector>
    friend auto inspect(Inspector& f, dead_letters_resent& x) {
        return f(x.resent, x.next, x.max);
    }
};

// ---- to the log readers ---------------------------------------------------------------------------------------------

/// Bounds of queues, and when their first and last message were stored.
struct describe_ages {
    std::vector<topic_queue> queues;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_ages& x) {
        return f(x.queues);
    }
};
struct queue_age {
    storage::queue_bounds bounds;
    timestamp_ms first_stored; ///< 0: the queue is empty
    timestamp_ms last_stored;
};
struct ages_described {
    std::vector<queue_age> ages; ///< one for each queue, in the order of the question
    template <class Inspector>
    friend auto inspect(Inspector& f, ages_described&) {
        return f();
    }
};

} // namespace troupe::actors
