#include "actors/group/queue_locks.hpp"

#include "actors/messages/type_ids.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <optional>
#include <set>

namespace troupe::actors {

namespace {

struct queue_locks_state {
    static inline const char* name = "queue_locks";

    std::optional<queue_lock_table> table;
    std::set<caf::actor_id> sessions; ///< watched; an actor's id is never used again
};

using locks_pointer = queue_lock_actor::stateful_pointer<queue_locks_state>;

session_number watch(locks_pointer self, const client_session_actor& session) {
    if (!session)
        return 0;
    if (self->state.sessions.insert(session.id()).second)
        self->monitor(session);
    return session.id();
}

caf::result<queues_locked> lock(locks_pointer self, const lock_queues& order) {
    auto held = self->state.table->lock(order.request, watch(self, order.session), self->clock().now());
    if (!held)
        return make_caf_error(held.failure());
    return queues_locked{std::move(*held)};
}

queue_lock_actor::behavior_type queue_locks(locks_pointer self, queue_lock_options options) {
    self->state.table.emplace(options);
    self->set_down_handler([self](const caf::down_msg& event) {
        self->state.sessions.erase(event.source.id());
        self->state.table->session_lost(event.source.id());
    });
    return {
        [self](const lock_queues& order) { return lock(self, order); },
        [self](const unlock_queues& order) {
            self->state.table->unlock(order.request);
            return queues_unlocked{};
        },
        [self](const find_reading_order& order) {
            return reading_order_found{self->state.table->reads_in_order(order.group, self->clock().now())};
        },
        [self](const finish&) { self->quit(); },
    };
}

} // namespace

queue_lock_actor spawn_queue_locks(caf::actor_system& system, queue_lock_options options) {
    return system.spawn(queue_locks, options);
}

} // namespace troupe::actors
