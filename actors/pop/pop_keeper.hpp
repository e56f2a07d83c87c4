#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/pop_messages.hpp"
#include "actors/pop/lease_leaders.hpp"
#include "actors/schedule/group_tries.hpp"
#include "storage/pop_store.hpp"

#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::actors {

/// What is dead goes to the dead letter topic through `broker`. Sent once; before it, dead messages wait.
struct begin_dead_letters {
    message_back_actor broker;
};
/// Self-messages: write what has come together; look at some queues, as once a second; something may be due (out of date unless `epoch` is
/// the latest).
struct pop_write_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, pop_write_tick&) {
        return f();
    }
};
struct pop_sweep_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, pop_sweep_tick&) {
        return f();
    }
};
struct pop_tick {
    std::uint64_t epoch = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, pop_tick& x) {
        return f(x.epoch);
    }
};
using pop_keeper_actor =
    pop_ack_actor::extend<caf::reacts_to<checked_pop>, caf::reacts_to<pops_abandoned>, caf::reacts_to<queues_grew>,
                          caf::replies_to<reset_pops>::with<pops_changed>, caf::replies_to<forget_pops>::with<pops_changed>,
                          caf::replies_to<follow_commits>::with<pops_changed>, caf::replies_to<list_popped>::with<popped_listed>,
                          caf::replies_to<find_popped>::with<popped_found>, caf::reacts_to<begin_dead_letters>,
                          caf::reacts_to<pop_write_tick>, caf::reacts_to<pop_tick>, caf::reacts_to<pop_sweep_tick>, caf::reacts_to<finish>>;

struct pop_keeper_options {
    std::shared_ptr<const storage::message_store> log;
    std::shared_ptr<const topic_directory> topics;
    std::shared_ptr<broker_metrics> metrics;
    std::shared_ptr<const group_tries> tries = std::make_shared<group_tries>(); ///< whoever knows the groups sets it, before the spawn
    std::shared_ptr<lease_leaders> leaders = std::make_shared<lease_leaders>(); ///< published once a second
    std::shared_ptr<admission> orders; ///< one unit per acknowledge_messages and change_invisible_time; released here. Null: unbounded
    std::shared_ptr<admission> bytes;  ///< of records on their way to whoever asked; acquired here. Null: unbounded
    log_writer_actor log_writer;
    offset_keeper_actor offset_keeper;
    bool sync = true;                          ///< answer when it survives a power loss
    std::size_t leases_per_queue_max = 10'000; ///< of one group in one queue
    std::size_t leases_total_max = 1'000'000;  ///< of all groups in all queues, see pop_book
    std::size_t held_per_queue_max = 1'024;
    std::size_t held_max = 100'000;
    std::size_t bytes_per_pop_max = 4u << 20;    ///< at least one message is delivered even if it alone is larger
    std::size_t bytes_per_write_max = 32u << 20; ///< of records that wait for one write; then it is written at once
    std::chrono::milliseconds request_deadline{5'000};
    wall_clock now = system_wall_clock;
};

/// Spawns the role that hands out messages for a while, and remembers which of them are done.
///
/// In     checked_pop                      answered once to reply_to with pop_answered: found, nothing (in time), full;
///                                         fails: io, disk_full, corrupt, shutting_down; busy: too many records are on their
///                                         way, and it does not wait
///        pops_abandoned                   forgets those that are held
///        acknowledge_messages -> messages_acknowledged, change_invisible_time -> invisible_time_changed   see there
///        queues_grew                      of the log writer: pops that wait for these queues are looked at
///        reset_pops, forget_pops, follow_commits -> pops_changed   fails: io, disk_full
///        list_popped -> popped_listed, find_popped -> popped_found
///        begin_dead_letters, pop_write_tick, pop_tick, pop_sweep_tick
///        finish                           answers what is held and what waits for the disk, ends
/// Out    watch_growth to the log writer, query_offset, note_offsets and commit_offsets to the offset keeper, send_message_back to the broker
/// State  a pop_table for each group and queue, a pop_hold; what changed and who waits until it is written
/// Always 1. What was taken, done or forgotten is answered when it is written; what comes together is written and synced together.
///        2. A message whose acknowledgement was answered is not delivered again, unless an operator sets offsets back.
///        3. After a failed write it goes on with what is on the disk: what was not answered may be delivered early.
///        4. What a crash leaves: docs/states/pop.md.
///        5. Records that it has read and that nobody has sent on are bounded by `bytes`, and one message more for each pop among them.
/// Ends   by finish, and when the log writer ends.
/// Blocks on the disk: runs on its own thread.
pop_keeper_actor spawn_pop_keeper(caf::actor_system& system, pop_keeper_options options, std::unique_ptr<storage::pop_store> store,
                                  const std::vector<storage::popped_queue_state>& popped);

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::begin_dead_letters)
