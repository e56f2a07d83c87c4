#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/message_filter.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/messages/messages.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/trace_bodies.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Pop consumption: a group takes messages of any queue for a while, and acknowledges each. What is asked of a broker, and of the role that
/// keeps what was popped. RocketMQ: POP_MESSAGE, ACK_MESSAGE, CHANGE_MESSAGE_INVISIBLETIME.
namespace troupe::actors {

enum class pop_kind : std::uint8_t {
    take,   ///< POP_MESSAGE
    peek,   ///< PEEK_MESSAGE: look at the next new ones, and take nothing
    notify, ///< NOTIFICATION: wait until there is something to take
    count,  ///< POLLING_INFO: how many wait
};

struct pop_messages {
    pop_kind kind = pop_kind::take;
    std::string group;
    std::string topic;
    queue_id queue{-1}; ///< below 0: any
    std::int32_t messages_max = 32;
    std::int64_t invisible_ms = 60'000;
    std::int64_t poll_ms = 0; ///< how long to wait for something
    timestamp_ms born;        ///< when, by the client's clock; 0: the client does not say
    bool from_end = false;    ///< where a group begins that never read the queue
    std::string expression;   ///< empty: every message
    std::string expression_type;
    bool ordered = false;
    std::string attempt; ///< repeating an ordered pop under this name gives the same messages
    template <class Inspector>
    friend auto inspect(Inspector& f, pop_messages& x) {
        return f(x.kind, x.group, x.topic, x.queue, x.messages_max, x.invisible_ms, x.poll_ms, x.born, x.from_end, x.expression,
                 x.expression_type, x.ordered, x.attempt);
    }
};
enum class pop_status : std::uint8_t {
    found,   ///< or, to notify: there is something
    nothing, ///< within the time
    full,    ///< nothing, and too many wait already
};
struct messages_popped {
    pop_kind kind = pop_kind::take; ///< of the order
    pop_status status = pop_status::nothing;
    timestamp_ms popped;
    std::int64_t invisible_ms = 0;
    std::int32_t revive_queue = 0;
    std::int64_t rest = 0; ///< messages that the group never popped, about; to count: how many wait
    std::vector<protocol::popped_queue> queues;
    payload records; ///< those of `queues`, one after the other
    template <class Inspector>
    friend auto inspect(Inspector& f, messages_popped& x) {
        return f(x.kind, x.status, x.popped, x.invisible_ms, x.revive_queue, x.rest, x.queues);
    }
};

/// What a handle says beside which message it is of. Troupe's brokers look at `popped`, and at whether the pop was ordered; RocketMQ's want
/// all of it back as they said it (RocketMQ: PopCheckPoint).
struct pop_handle {
    queue_offset start; ///< where the pop began in the queue
    timestamp_ms popped;
    std::int64_t invisible_ms = 0;
    std::int32_t revive_queue = 0;
    std::int32_t retry_flag = 0; ///< above 0: it lies in a retry topic of RocketMQ's, though it bears its own topic's name
    [[nodiscard]] bool is_ordered() const { return revive_queue == protocol::ordered_revive_queue; }
    friend bool operator==(const pop_handle&, const pop_handle&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, pop_handle& x) {
        return f(x.start, x.popped, x.invisible_ms, x.revive_queue, x.retry_flag);
    }
};

/// Messages that were popped are done. Fails with topic_not_found, queue_not_found, message_not_found (an offset outside the queue),
/// message_illegal (no such queue; in order: it was never popped). A handle of an older delivery, or of what is done, is accepted and does
/// nothing, as in RocketMQ.
struct acknowledge_messages {
    struct part {
        std::string group;
        topic_queue queue;
        pop_handle handle;
        std::vector<queue_offset> offsets; ///< rising, from handle.start on, for a broker of RocketMQ's
        template <class Inspector>
        friend auto inspect(Inspector& f, part& x) {
            return f(x.group, x.queue, x.handle, x.offsets);
        }
    };
    std::vector<part> parts;
    bool is_batch = false;     ///< what is no message, or of no topic, is passed over
    std::string broker_name{}; ///< whose messages; Troupe's brokers do not look
    template <class Inspector>
    friend auto inspect(Inspector& f, acknowledge_messages& x) {
        return f(x.parts, x.is_batch, x.broker_name);
    }
};
/// It survives a crash (flush mode async: of the process).
struct messages_acknowledged {
    template <class Inspector>
    friend auto inspect(Inspector& f, messages_acknowledged&) {
        return f();
    }
};

/// Deliver a popped message again when `invisible_ms` are over. Fails as acknowledge_messages, and with operation_illegal for a handle of
/// an older delivery.
struct change_invisible_time {
    std::string group;
    topic_queue queue;
    queue_offset offset;
    pop_handle handle;
    std::int64_t invisible_ms = 0;
    std::string broker_name{}; ///< as in acknowledge_messages
    template <class Inspector>
    friend auto inspect(Inspector& f, change_invisible_time& x) {
        return f(x.group, x.queue, x.offset, x.handle, x.invisible_ms, x.broker_name);
    }
};
/// What the handle says from now on.
struct invisible_time_changed {
    timestamp_ms popped;
    std::int64_t invisible_ms = 0;
    std::int32_t revive_queue = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, invisible_time_changed& x) {
        return f(x.popped, x.invisible_ms, x.revive_queue);
    }
};

/// Acknowledgements, for ports and clients: straight to the role that keeps them.
using pop_ack_actor = caf::typed_actor<caf::replies_to<acknowledge_messages>::with<messages_acknowledged>,
                                       caf::replies_to<change_invisible_time>::with<invisible_time_changed>>;
/// What a pop consumer asks of a broker in another process, where the keeper and the port that takes pops are one.
using pop_actor = pop_ack_actor::extend<caf::replies_to<pop_messages>::with<messages_popped>>;

// ---- inside a broker ------------------------------------------------------------------------------------------------

struct pop_answered {
    std::uint64_t ticket = 0;
    error failure; ///< code none: `answer` holds
    messages_popped answer;
    std::shared_ptr<const admitted> kept = nullptr; ///< room for the records: drop it with them
};
/// Whoever waits for pops; see ticket_holder_actor.
using pop_holder_actor = caf::typed_actor<caf::reacts_to<pop_answered>>;

struct pop_ticketed {
    std::uint64_t ticket = 0;
    pop_messages pop;
    pop_holder_actor reply_to;
};
/// The holder's connection ended: forget what is held for these tickets. No answer.
struct pops_abandoned {
    std::vector<std::uint64_t> tickets; ///< sorted
    pop_holder_actor reply_to;
};
/// Pops that the broker role has to check.
using pop_checker_actor = caf::typed_actor<caf::reacts_to<pop_ticketed>, caf::reacts_to<pops_abandoned>>;

/// A pop that the broker has checked.
struct checked_pop {
    std::uint64_t ticket = 0;
    pop_holder_actor reply_to;
    pop_messages pop;        ///< its numbers are within their bounds
    message_filter filter;   ///< null: every message
    std::int32_t queues = 0; ///< that the topic has to read
    std::int32_t deliveries_max = 17;
};

/// An operator has set offsets: the group begins there, and nothing of these queues is out any more.
struct reset_pops {
    std::string group;
    std::vector<std::pair<topic_queue, queue_offset>> offsets;
    template <class Inspector>
    friend auto inspect(Inspector& f, reset_pops& x) {
        return f(x.group, x.offsets);
    }
};
/// Forget what was popped by a group, or of a topic; of both if both are named. Whoever pops again begins at the committed offset, which is
/// known to the offset keeper before the answer.
struct forget_pops {
    std::string group; ///< empty: every group
    std::string topic; ///< empty: every topic
    template <class Inspector>
    friend auto inspect(Inspector& f, forget_pops& x) {
        return f(x.group, x.topic);
    }
};
/// A group that has pulled will pop: what it has committed since it popped last is done.
struct follow_commits {
    std::string group;
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, follow_commits& x) {
        return f(x.group, x.topic);
    }
};
struct pops_changed {
    template <class Inspector>
    friend auto inspect(Inspector& f, pops_changed&) {
        return f();
    }
};
/// How far has a group popped?
struct list_popped {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_popped& x) {
        return f(x.group);
    }
};
struct popped_listed {
    std::vector<std::pair<topic_queue, queue_offset>> next; ///< of each queue that was popped, the first offset that was not
    template <class Inspector>
    friend auto inspect(Inspector& f, popped_listed& x) {
        return f(x.next);
    }
};
/// Which groups have popped as far as this message, and where does it stand with each?
struct find_popped {
    topic_queue queue;
    queue_offset offset;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_popped& x) {
        return f(x.queue, x.offset);
    }
};
struct popped_found {
    std::map<std::string, protocol::traced_pop> groups;
    template <class Inspector>
    friend auto inspect(Inspector& f, popped_found& x) {
        return f(x.groups);
    }
};

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pop_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pop_ticketed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pops_abandoned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::checked_pop)
