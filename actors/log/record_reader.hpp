#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "storage/message_store.hpp"

#include <caf/actor_clock.hpp>
#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace troupe::actors {

struct finish;

/// The record at a place in the log that a client named: message_not_found, corrupt, io.
struct read_record {
    log_position position;
    caf::actor_clock::time_point given_up = caf::actor_clock::time_point::max(); ///< nobody waits for the answer from then on: not read
    template <class Inspector>
    friend auto inspect(Inspector& f, read_record& x) {
        return f(x.position);
    }
};
struct record_found {
    payload record;
    template <class Inspector>
    friend auto inspect(Inspector& f, record_found&) {
        return f();
    }
};

/// The messages of `queue` from `from` on that were stored at or before `stored_by`, or whose offset is below `known_below`.
struct find_due {
    topic_queue queue;
    queue_offset from;
    timestamp_ms stored_by;
    queue_offset known_below;
    std::int32_t messages_max = 256;
    std::size_t bytes_max = 256u << 10; ///< at least one message is returned even if it alone is larger
    template <class Inspector>
    friend auto inspect(Inspector& f, find_due& x) {
        return f(x.queue, x.from, x.stored_by, x.known_below, x.messages_max, x.bytes_max);
    }
};
struct due_found {
    payload records;
    queue_offset next;                  ///< after the last of them
    std::optional<timestamp_ms> stored; ///< of the message at `next`, due or not; none: the queue ends there
    queue_offset max;
    std::int64_t removed = 0; ///< messages from `from` on that retention has taken
    std::int32_t damaged = 0; ///< messages that could not be read, and were reported
    template <class Inspector>
    friend auto inspect(Inspector& f, due_found& x) {
        return f(x.next, x.max, x.removed, x.damaged);
    }
};

/// Up to where the log survives a power loss.
struct find_durable_position {
    template <class Inspector>
    friend auto inspect(Inspector& f, find_durable_position&) {
        return f();
    }
};
struct durable_position_found {
    log_position position;
    template <class Inspector>
    friend auto inspect(Inspector& f, durable_position_found& x) {
        return f(x.position);
    }
};

/// Reads single records and due messages: what the broker itself needs of the log, apart from the readers of its clients' pulls, so
/// that neither waits for the other. Nor is it the message finder: that may be searching the index for people, and a message that is
/// due, or that a consumer gives back, must not wait for the end of a search.
using record_reader_actor = caf::typed_actor<caf::replies_to<read_record>::with<record_found>, caf::replies_to<find_due>::with<due_found>,
                                             caf::replies_to<find_durable_position>::with<durable_position_found>, caf::reacts_to<finish>>;

/// Spawns it.
///
/// In     read_record -> record_found       fails: message_not_found, corrupt, io
///        find_due -> due_found             fails: io, corrupt
///        find_durable_position -> durable_position_found
///        finish                            ends after what was sent before it
/// State  none
/// Blocks on the disk: runs on its own thread.
record_reader_actor spawn_record_reader(caf::actor_system& system, std::shared_ptr<const storage::message_store> store);

/// What find_due asks for, without an actor. Never returns a message that is not due.
result<due_found> find_due_in(const storage::message_store& store, const find_due& order);

} // namespace troupe::actors
