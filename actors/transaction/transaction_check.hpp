#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/transaction_room.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "actors/transaction/transaction_table.hpp"
#include "protocol/message_codec.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

/// Decisions from a port, on the path of sends: answered to `reply_to` with one append_outcome for each ticket, whose place says nothing.
struct end_ticketed {
    struct entry {
        std::uint64_t ticket = 0;
        end_transaction order;
    };
    std::vector<entry> entries;
    ticket_holder_actor reply_to;
};
/// Of whoever decides for ports.
using ticketed_transaction_actor = caf::typed_actor<caf::reacts_to<end_ticketed>>;

/// Begin to ask producers: through `producers`, which picks one of a group.
struct begin_checks {
    transaction_asker_actor producers;
};
/// Self-message: look which half messages need something. Out of date unless `epoch` is the latest.
struct transaction_tick {
    std::uint64_t epoch = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, transaction_tick& x) {
        return f(x.epoch);
    }
};
using transaction_check_actor =
    transaction_actor::extend<caf::reacts_to<end_ticketed>, caf::reacts_to<records_appended>, caf::reacts_to<pull_answered>,
                              caf::reacts_to<begin_checks>, caf::reacts_to<transaction_tick>, caf::reacts_to<finish>>;

struct transaction_check_options {
    std::shared_ptr<const storage::message_store> store;
    std::shared_ptr<const topic_directory> topics;
    std::shared_ptr<admission> append_admission;
    std::shared_ptr<broker_metrics> metrics;
    std::shared_ptr<const transaction_room> room; ///< for those that are resumed; null: as many as come
    log_writer_actor log_writer;
    transaction_rules rules;
    protocol::host_address store_host;
    std::string broker_name;
    wall_clock now = system_wall_clock;
    std::chrono::milliseconds request_deadline{5'000};
    std::size_t decisions_max = 100'000;       ///< under way, with all who wait for them; beyond it the answer is busy
    std::size_t resumptions_max = 1'000;       ///< likewise
    std::size_t looks_max = 256;               ///< records read at a time for what is new or due
    std::size_t questions_max = 64;            ///< under way to producers
    std::chrono::milliseconds tick_max{1'000}; ///< between two looks, at most
};

/// Spawns the role that brings transactions to their end: it decides them for producers and operators, asks producers who say nothing,
/// gives up what nobody decides, and goes on with that when an operator says so.
///
/// In     end_transaction -> transaction_ended         fails: as described there, shutting_down
///        end_ticketed                                 the same, from ports
///        list_transactions -> transactions_listed     fails: argument_illegal, timed_out, io, corrupt; looks at a bounded part at once
///        resume_transaction -> transaction_resumed    fails: as described there, shutting_down; looks at 64 MiB of messages at most, about
///        begin_checks                                 from whoever made it, once the broker is there
///        records_appended                             of the log writer; pull_answered never comes: it pulls nothing
///        transaction_tick                             to itself
///        finish                                       waits for the decisions and resumptions under way, then ends
/// Out    append_records to the log writer, check_transaction to the broker
/// State  a transaction_table, the transaction_decisions under way, and the transaction_resumptions. What is pending, and what was
///        resumed, is the store's knowledge, from the log.
/// Always 1. An outcome is one record. It is appended only for a half message that the store says is pending, while no other decision
///           of it is under way: a crash anywhere, and decisions that come late, twice or out of order, leave exactly one.
///        2. A failed append changes nothing: the transaction is pending as before, or given up as before. After a failed sync the log
///           may have the record all the same; the store is read-only then, and the restart finds out.
///        3. A given-up message is resumed by one record, too, that names it: it goes on with one half message, however often and
///           whenever that is asked for.
///        4. A half message whose record is damaged is rolled back and reported: nobody could ever commit it.
/// Ends   by finish, and when the log writer ends.
/// Blocks on the disk: runs on its own thread.
transaction_check_actor spawn_transaction_check(caf::actor_system& system, transaction_check_options options);

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::begin_checks)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::end_ticketed)
