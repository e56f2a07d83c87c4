#pragma once

#include "actors/messages/messages.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <optional>
#include <string>

/// What consumers say of messages that they could not handle.
namespace troupe::actors {

/// Deliver the message at `position` to the group again, later (code 36). Fails with group_not_found, not_permitted,
/// message_not_found, and what a send fails with.
struct send_message_back {
    log_position position;
    std::string group;
    std::int32_t delay_level = 0;          ///< 0: the broker chooses; below 0: no further try
    std::optional<std::int32_t> retry_max; ///< the consumer's limit; none: the group's
    /// As its consumer knows the message. Brokers of Apache RocketMQ 5.3 fail without the topic when the message is dead; Troupe's
    /// look at the message itself.
    std::string origin_topic;
    std::string origin_message_id;
    std::optional<std::int32_t> tries = std::nullopt; ///< before this one; none: as many as the message says. Only of what is dead
    template <class Inspector>
    friend auto inspect(Inspector& f, send_message_back& x) {
        return f(x.position, x.group, x.delay_level, x.origin_topic, x.origin_message_id);
    }
};
/// It is stored, or the group wants no retries.
struct message_sent_back {
    template <class Inspector>
    friend auto inspect(Inspector& f, message_sent_back&) {
        return f();
    }
};

/// A send to a group's retry topic, with the limit of whoever sends (codes 10 and 310).
struct send_retry_message {
    send_messages send;
    std::optional<std::int32_t> retry_max; ///< none: the group's
    template <class Inspector>
    friend auto inspect(Inspector& f, send_retry_message& x) {
        return f(x.send);
    }
};

/// Another interface of whatever actor serves as a broker: the broker role, and the proxy of a remote one. A broker that cannot take messages
/// back fails the request.
using message_back_actor = caf::typed_actor<caf::replies_to<send_message_back>::with<message_sent_back>>;
/// With what ports ask beside: the broker role only.
using message_retry_actor = message_back_actor::extend<caf::replies_to<send_retry_message>::with<messages_stored>>;

} // namespace troupe::actors
