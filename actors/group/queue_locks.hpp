#pragma once

#include "actors/group/queue_lock_table.hpp"
#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

#include <string>
#include <vector>

namespace troupe::actors {

/// Lock queues for one client of a group, or renew its locks (code 41).
struct lock_queues {
    protocol::queue_lock_request request;
    client_session_actor session = {}; ///< of the client; set by the gateway for those that come over the wire
    template <class Inspector>
    friend auto inspect(Inspector& f, lock_queues& x) {
        return f(x.request, x.session);
    }
};
struct queues_locked {
    std::vector<protocol::message_queue> queues; ///< that the client holds now, among those it asked for
    template <class Inspector>
    friend auto inspect(Inspector& f, queues_locked& x) {
        return f(x.queues);
    }
};
/// Give queues back (code 42). Those that the client does not hold are left alone.
struct unlock_queues {
    protocol::queue_lock_request request;
    template <class Inspector>
    friend auto inspect(Inspector& f, unlock_queues& x) {
        return f(x.request);
    }
};
struct queues_unlocked {
    template <class Inspector>
    friend auto inspect(Inspector& f, queues_unlocked&) {
        return f();
    }
};

/// Does the group read in order: does any client of it hold a lock? For the broker.
struct find_reading_order {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_reading_order& x) {
        return f(x.group);
    }
};
struct reading_order_found {
    bool in_order = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, reading_order_found& x) {
        return f(x.in_order);
    }
};

/// What consumers ask, of the role itself or of whatever stands for its broker.
using queue_lock_role =
    caf::typed_actor<caf::replies_to<lock_queues>::with<queues_locked>, caf::replies_to<unlock_queues>::with<queues_unlocked>>;
using queue_lock_actor = queue_lock_role::extend<caf::replies_to<find_reading_order>::with<reading_order_found>, caf::reacts_to<finish>>;

/// Spawns the role that keeps the queue locks of orderly consumers. Apart from the broker, because it shares no state with it, and
/// every such consumer asks every 20 seconds.
///
/// In     lock_queues -> queues_locked       fails: group_illegal, argument_illegal, busy
///        unlock_queues -> queues_unlocked
///        find_reading_order -> reading_order_found
///        finish                             ends it
/// State  queue_lock_table; the sessions that asked, until they end
/// Never blocks: runs on the scheduler.
queue_lock_actor spawn_queue_locks(caf::actor_system& system, queue_lock_options options = {});

} // namespace troupe::actors
