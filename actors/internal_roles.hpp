#pragma once

#include "actors/roles.hpp"
#include "storage/message_store.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <vector>

/// The roles inside one broker process. Their messages never leave it: they carry storage types and are not serialised.
///
/// Life of a send:  gateway (validates against topic_directory, encodes) -> log_writer (places, writes, syncs) -> gateway
/// Life of a pull:  gateway -> broker (checks, filter, commit) -> queue (holds if there is nothing) -> log_reader -> gateway
/// Requests on these two paths are one-way messages with a ticket, batched, because CAF keeps outstanding requests in a
/// list that is searched for each answer (playbook 1.4); tickets cost the same with one or ten thousand outstanding.
namespace troupe::actors {

/// Store these, answer `reply_to` with records_appended. Exactly one outcome per ticket, in any order.
struct append_entry {
    std::uint64_t ticket = 0;
    storage::unplaced_records records;
};
struct append_outcome {
    std::uint64_t ticket = 0;
    error failure; ///< code none: stored, and `placed` says where
    storage::placed_records placed;
};
struct records_appended {
    std::vector<append_outcome> outcomes;
};

struct pull_answered {
    std::uint64_t ticket = 0;
    error failure; ///< code none: `answer` holds
    messages_pulled answer;
};

/// Whoever waits for tickets: a gateway, or the broker on behalf of an embedded client.
using ticket_holder_actor = caf::typed_actor<caf::reacts_to<records_appended>, caf::reacts_to<pull_answered>>;

struct append_records {
    std::vector<append_entry> entries;
    ticket_holder_actor reply_to;
};
struct pull_ticketed {
    std::uint64_t ticket = 0;
    pull_messages pull;
    ticket_holder_actor reply_to;
};
/// The holder's connection ended: forget what is held for these tickets. No answer.
struct pull_abandoned {
    std::vector<std::uint64_t> tickets;
    ticket_holder_actor reply_to;
};

/// The broker as its own process sees it.
using local_broker_actor = broker_actor::extend<caf::reacts_to<pull_ticketed>, caf::reacts_to<pull_abandoned>>;

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::records_appended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pull_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::append_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pull_ticketed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pull_abandoned)
