#pragma once

#include "actors/broker/broker.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>

/// What the broker understands beyond what it promises to others (broker.hpp): the messages that it sends to itself.
namespace troupe::actors {

/// Self-message of the broker: look for what is overdue.
struct broker_tick {
    bool repeat = true;
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_tick& x) {
        return f(x.repeat);
    }
};

/// Self-message of the broker: pulls that waited for their group's share may go on.
struct throttle_tick {
    std::uint64_t alarm = 0; ///< its number (throttle.hpp)
    template <class Inspector>
    friend auto inspect(Inspector& f, throttle_tick& x) {
        return f(x.alarm);
    }
};

/// Self-message of the broker: members of groups are to be told who came and went, perhaps.
struct notices_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, notices_tick&) {
        return f();
    }
};

/// Everything the broker understands, its own messages included.
using broker_role = local_broker_actor::extend_with<broker_admin_actor>::extend_with<broker_members_actor>::extend_with<
    message_retry_actor>::extend_with<transaction_actor>::extend_with<transaction_asker_actor>::extend_with<queue_lock_role>::
    extend_with<pop_checker_actor>::extend<caf::reacts_to<records_appended>, caf::reacts_to<pull_answered>, caf::reacts_to<queue_idle>,
                                           caf::reacts_to<broker_tick>, caf::reacts_to<throttle_tick>, caf::reacts_to<notices_tick>>;

} // namespace troupe::actors
