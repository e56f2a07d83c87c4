#pragma once

#include "actors/base/admission.hpp"
#include "protocol/transaction_bodies.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"

#include <caf/actor_clock.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// What producers, brokers and operators say of transactions. The whole picture: docs/states/transaction.md.
namespace troupe::actors {

/// What becomes of a half message. Values of producers are those of the wire (RocketMQ: MessageSysFlag).
enum class transaction_decision : std::uint8_t {
    unknown = 0,   ///< the producer cannot say yet; nothing happens
    commit = 8,    ///< its consumers see it
    roll_back = 12 ///< nobody ever sees it
};
[[nodiscard]] std::string_view to_string_view(transaction_decision decision);

/// Decide a half message (code 37), where the answer to its send said it is. Idempotent: the same decision again is answered as the
/// first. Fails with not_permitted (it was decided otherwise, or it is too late for a decision that nobody asked for),
/// message_not_found, argument_illegal (it is another group's, or not at that offset), topic_not_found (a commit for a topic that is
/// gone), and what a send fails with: it is pending then.
struct end_transaction {
    std::string producer_group;
    log_position position; ///< of the half message
    queue_offset offset;   ///< likewise, in its queue
    transaction_decision decision = transaction_decision::unknown;
    bool is_asked_for = false; ///< it answers a question of the broker
    std::string message_id;    ///< the unique key; for people only
    std::string topic;         ///< likewise
    template <class Inspector>
    friend auto inspect(Inspector& f, end_transaction& x) {
        return f(x.producer_group, x.position, x.offset, x.decision, x.is_asked_for, x.message_id, x.topic);
    }
};
struct transaction_ended {
    template <class Inspector>
    friend auto inspect(Inspector& f, transaction_ended&) {
        return f();
    }
};

/// Go on with a transaction that was given up (code 323): it is pending again, as a new half message about which nobody was asked.
/// Idempotent: whoever comes later is answered as the first. Fails with argument_illegal (no offset message id), message_not_found (also
/// of another broker's, whatever state this one is in), not_permitted (it was not given up), timed_out, and what a half message fails
/// with: nothing is resumed then, unless the store turned read-only over it; the restart finds out.
struct resume_transaction {
    std::string message_id; ///< offset message id of the given-up message, or of the half message that was given up
    std::string topic;      ///< for people only
    /// From then on nobody waits for the answer: it does not begin any more. Set by the session.
    caf::actor_clock::time_point given_up = caf::actor_clock::time_point::max();
    std::shared_ptr<const admitted> room = nullptr; ///< likewise: its share of what may wait, until it is handled
    template <class Inspector>
    friend auto inspect(Inspector& f, resume_transaction& x) {
        return f(x.message_id, x.topic);
    }
};
/// Where it goes on. RocketMQ's brokers say nothing of it: then all is empty.
struct transaction_resumed {
    log_position position; ///< of the new half message
    queue_offset offset;   ///< likewise, in its queue
    std::string offset_message_id;
    template <class Inspector>
    friend auto inspect(Inspector& f, transaction_resumed& x) {
        return f(x.position, x.offset, x.offset_message_id);
    }
};

/// Half messages without an outcome, by position, or messages that were given up and not resumed, by offset (a request of our own).
struct list_transactions {
    std::string group = {};  ///< empty: of every producer group
    log_position after = {}; ///< only those behind it; not of given-up ones
    std::int32_t transactions_max = 100;
    bool of_given_up = false;
    queue_offset from = {}; ///< of given-up ones: from there on in their topic
    /// From then on nobody waits for the answer: a list that has not begun does not begin. Set by the session.
    caf::actor_clock::time_point given_up = caf::actor_clock::time_point::max();
    std::shared_ptr<const admitted> room = nullptr; ///< likewise: its share of what may wait, until it is handled
    template <class Inspector>
    friend auto inspect(Inspector& f, list_transactions& x) {
        return f(x.group, x.after, x.transactions_max, x.of_given_up, x.from);
    }
};
struct transactions_listed {
    protocol::transaction_list list;
    template <class Inspector>
    friend auto inspect(Inspector& f, transactions_listed& x) {
        return f(x.list);
    }
};

/// Another interface of whatever actor serves as a broker: the broker role, and the proxy of a remote one.
using transaction_actor = caf::typed_actor<caf::replies_to<end_transaction>::with<transaction_ended>,
                                           caf::replies_to<list_transactions>::with<transactions_listed>,
                                           caf::replies_to<resume_transaction>::with<transaction_resumed>>;

// ---- to a client ----------------------------------------------------------------------------------------------------

/// What became of your half message? (code 39) Answered, if at all, by an end_transaction of its own.
struct check_transaction {
    std::string group;
    std::string topic;
    std::string unique_key;
    std::string offset_message_id;
    log_position position;
    queue_offset offset;
    std::string broker_name;
    payload record; ///< the half message, with its topic and queue
    template <class Inspector>
    friend auto inspect(Inspector& f, check_transaction& x) {
        return f(x.group, x.topic, x.unique_key, x.offset_message_id, x.position, x.offset, x.broker_name);
    }
};
/// The question is on its way to the client.
struct transaction_check_sent {
    template <class Inspector>
    friend auto inspect(Inspector& f, transaction_check_sent&) {
        return f();
    }
};
/// A client's session, or the broker on behalf of those of a group: it picks one, in turn, and fails with group_not_found when nobody
/// of the group is there.
using transaction_asker_actor = caf::typed_actor<caf::replies_to<check_transaction>::with<transaction_check_sent>>;

} // namespace troupe::actors
