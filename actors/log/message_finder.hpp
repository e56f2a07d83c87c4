#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/messages/internal_roles.hpp"
#include "protocol/lookup_bodies.hpp"

#include <caf/actor_clock.hpp>
#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::actors {

/// The message at a log position (code 33), as message ids name it. Any position may be asked for.
struct find_message {
    log_position position;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_message& x) {
        return f(x.position);
    }
};
struct message_found {
    payload record;      ///< empty: no message begins there (any more)
    std::string missing; ///< why not
    template <class Inspector>
    friend auto inspect(Inspector& f, message_found& x) {
        return f(x.missing);
    }
};

/// Messages by a word of their KEYS, or by their unique key (code 12); message_not_found when there is none.
struct find_messages {
    std::string topic;
    std::string key;
    std::int32_t messages_max = 32;
    timestamp_ms begin; ///< store time
    timestamp_ms end;
    bool by_unique_key = false;
    /// From then on nobody waits for the answer: a search that has not begun does not begin. Set by the session.
    caf::actor_clock::time_point given_up = caf::actor_clock::time_point::max();
    template <class Inspector>
    friend auto inspect(Inspector& f, find_messages& x) {
        return f(x.topic, x.key, x.messages_max, x.begin, x.end, x.by_unique_key);
    }
};
struct messages_found {
    payload records; ///< newest first, one after the other; as many as fit into a frame
    timestamp_ms indexed_at;
    log_position indexed; ///< the index covers the log up to here
    template <class Inspector>
    friend auto inspect(Inspector& f, messages_found& x) {
        return f(x.indexed_at, x.indexed);
    }
};

/// Store time of the first message of a queue (code 32).
struct find_first_stored {
    topic_queue queue;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_first_stored& x) {
        return f(x.queue);
    }
};
struct first_stored_found {
    timestamp_ms time{-1}; ///< -1: the queue is empty
    template <class Inspector>
    friend auto inspect(Inspector& f, first_stored_found& x) {
        return f(x.time);
    }
};

/// What the index holds of a queue from `from` on (code 321), at most `count` entries, and which of them a group wants.
struct browse_queue {
    topic_queue queue;
    queue_offset from;
    std::int32_t count = 0;
    std::string group = {}; ///< empty: no group's wishes are looked at
    // Set by the session, which asks the broker.
    std::optional<protocol::subscription_data> wanted = {}; ///< by the group; none: no member subscribes to the topic
    std::string refusal = {};                               ///< why the broker refuses pulls by that subscription; empty: it does not
    template <class Inspector>
    friend auto inspect(Inspector& f, browse_queue& x) {
        return f(x.queue, x.from, x.count, x.group);
    }
};
struct queue_browsed {
    std::optional<protocol::queue_page> page; ///< nothing: `from` is no offset of the queue
    template <class Inspector>
    friend auto inspect(Inspector& f, queue_browsed&) {
        return f();
    }
};

/// Age of what a group has consumed of a topic, by queue (code 303).
struct describe_time_spans {
    std::string topic;
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_time_spans& x) {
        return f(x.topic, x.group);
    }
};
struct time_spans_described {
    std::vector<protocol::queue_time_span> spans;
    template <class Inspector>
    friend auto inspect(Inspector& f, time_spans_described&) {
        return f();
    }
};

/// What our own tools ask: of the role itself, or of the proxy of its broker.
using message_lookup_actor =
    caf::typed_actor<caf::replies_to<find_message>::with<message_found>, caf::replies_to<find_messages>::with<messages_found>>;
using message_finder_actor =
    message_lookup_actor::extend<caf::replies_to<find_first_stored>::with<first_stored_found>,
                                 caf::replies_to<browse_queue>::with<queue_browsed>,
                                 caf::replies_to<describe_time_spans>::with<time_spans_described>, caf::reacts_to<finish>>;

struct message_finder_options {
    std::shared_ptr<const storage::message_store> store;
    std::shared_ptr<const topic_directory> topics;
    std::shared_ptr<admission> lookups; ///< one unit per order; released here when it is done
    offset_keeper_actor offset_keeper;
    std::string broker_name;
    std::chrono::milliseconds keeper_deadline{5'000};
    wall_clock now = system_wall_clock;
};

/// Spawns the role that finds messages for people: by position, by key, by place in a queue. Apart from the log readers, because a
/// search may read much of the index, and consumers must not wait behind it.
///
/// In     find_message -> message_found       fails: corrupt, io
///        find_messages -> messages_found     fails: topic_not_found, argument_illegal, message_not_found, timed_out, io
///        find_first_stored, describe_time_spans   fails: topic_not_found, queue_not_found, io
///        browse_queue -> queue_browsed       fails: likewise
///        finish                              ends after what was sent before it
/// State  none
/// Always each order is answered once, and is one unit of `lookups` less.
/// Blocks on the disk: runs on its own thread.
message_finder_actor spawn_message_finder(caf::actor_system& system, message_finder_options options);

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::queue_browsed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::time_spans_described)
