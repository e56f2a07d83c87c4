#pragma once

#include "actors/messages/dead_letters.hpp"
#include "actors/messages/lag_messages.hpp"
#include "actors/messages/messages.hpp"
#include "actors/messages/trace_messages.hpp"
#include "actors/messages/transaction_messages.hpp"
#include "protocol/connection_bodies.hpp"
#include "protocol/group_members.hpp"
#include "protocol/remoting_command.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// What a broker knows of connected clients, what it asks of them, and what operators do to the offsets of their groups.
namespace troupe::actors {

// ---- from a port ----------------------------------------------------------------------------------------------------

/// What a client's connection says of it.
struct client_origin {
    protocol::language from = protocol::language::cpp;
    std::int32_t version = protocol::protocol_version;
    protocol::host_address address;
    std::uint64_t connection = 0; ///< as pulls name it (pull_ticketed); 0: none
    template <class Inspector>
    friend auto inspect(Inspector& f, client_origin& x) {
        return f(x.from, x.version, x.address, x.connection);
    }
};
/// A heartbeat that came over a connection (code 34, both versions).
struct remote_heartbeat {
    client_heartbeat heartbeat;
    client_origin origin;
    bool without_subscriptions = false; ///< the groups keep the subscriptions they have
    template <class Inspector>
    friend auto inspect(Inspector& f, remote_heartbeat& x) {
        return f(x.heartbeat, x.origin, x.without_subscriptions);
    }
};
/// A reply on its way to whoever sent the request (codes 324, 325): the client that property REPLY_TO_CLIENT names. Answered
/// when that client has taken it; connection_lost when it is not connected, timed_out when it does not answer.
struct send_reply {
    send_messages message;
    std::string default_topic;
    std::int32_t default_topic_queues = 0;
    bool unit_mode = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, send_reply& x) {
        return f(x.message, x.default_topic, x.default_topic_queues, x.unit_mode);
    }
};

// ---- to a client, which answers -------------------------------------------------------------------------------------

/// How long a client has for an answer; tools wait longer than this (RocketMQ: mqadmin consumerStatus).
inline constexpr std::chrono::milliseconds client_answer_timeout{10'000};
/// Shorter where several clients are asked at once, and some kinds never answer: the tool wants those that do.
inline constexpr std::chrono::milliseconds client_status_timeout{3'000};

/// A tool's request for one client, passed on as it came (codes 307, 309).
struct forward_to_client {
    std::int32_t code = 0;
    protocol::extension_fields fields;
    payload body;
    template <class Inspector>
    friend auto inspect(Inspector& f, forward_to_client& x) {
        return f(x.code);
    }
};
/// What the client answered, passed on as it came; code 207 when it did not in time.
struct client_answered {
    std::int32_t code = 0;
    std::string remark;
    payload body;
    template <class Inspector>
    friend auto inspect(Inspector& f, client_answered& x) {
        return f(x.code, x.remark);
    }
};
/// How far have you read? (code 221)
struct ask_client_status {
    std::string topic;
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, ask_client_status& x) {
        return f(x.topic, x.group);
    }
};
struct client_status_told {
    protocol::queue_offsets offsets;
    template <class Inspector>
    friend auto inspect(Inspector& f, client_status_told& x) {
        return f(x.offsets);
    }
};
/// Continue at these offsets, whatever you have (code 220). Brokers of RocketMQ tell it to members when they leave resets to them; our own
/// broker answers each next pull instead.
struct adopt_offsets {
    std::string topic;
    std::string group;
    protocol::queue_offsets offsets;
    template <class Inspector>
    friend auto inspect(Inspector& f, adopt_offsets& x) {
        return f(x.topic, x.group, x.offsets);
    }
};
/// The reply to a request of yours (code 326).
struct deliver_reply {
    send_reply reply;
    protocol::host_address store_host;
    timestamp_ms stored; ///< when the broker had it; a reply is not stored
    template <class Inspector>
    friend auto inspect(Inspector& f, deliver_reply& x) {
        return f(x.reply, x.store_host, x.stored);
    }
};
struct reply_delivered {
    template <class Inspector>
    friend auto inspect(Inspector& f, reply_delivered&) {
        return f();
    }
};

/// The part of a client's session that takes replies to its requests.
using reply_taker_actor = caf::typed_actor<caf::replies_to<deliver_reply>::with<reply_delivered>>;
/// Whoever passes replies on: a broker.
using reply_sender_actor = caf::typed_actor<caf::replies_to<send_reply>::with<messages_stored>>;
/// What members of groups are asked, one way or the other: a client's session, and the consumer that it asks in turn.
using asked_member_actor = caf::typed_actor<caf::replies_to<forward_to_client>::with<client_answered>,
                                            caf::replies_to<ask_client_status>::with<client_status_told>>;
/// The part of it that our own clients play beside: it needs no answer.
using offset_adopter_actor = caf::typed_actor<caf::reacts_to<adopt_offsets>>;
/// A client's session as the broker asks it. The sessions of ports and our own clients understand this beside client_session_actor; what
/// else is a session need not, and is then answered for by CAF with an error.
using asked_client_actor = asked_member_actor::extend<caf::replies_to<deliver_reply>::with<reply_delivered>,
                                                      caf::replies_to<check_transaction>::with<transaction_check_sent>>;

// ---- from tools: who is connected -----------------------------------------------------------------------------------

/// Members of a consumer group (code 203). Without connections in the answer: nobody is there.
struct list_consumer_connections {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_consumer_connections& x) {
        return f(x.group);
    }
};
struct consumer_connections_listed {
    protocol::consumer_connections consumers;
    template <class Inspector>
    friend auto inspect(Inspector& f, consumer_connections_listed& x) {
        return f(x.consumers);
    }
};
/// The same with what each member subscribes to (a request of our own); by client id.
struct list_members {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_members& x) {
        return f(x.group);
    }
};
struct members_listed {
    std::vector<protocol::described_member> members;
    template <class Inspector>
    friend auto inspect(Inspector& f, members_listed& x) {
        return f(x.members);
    }
};
/// Clients of a producer group (code 204). Empty: nobody is there.
struct list_producer_connections {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_producer_connections& x) {
        return f(x.group);
    }
};
struct producer_connections_listed {
    std::vector<protocol::client_connection> connections;
    template <class Inspector>
    friend auto inspect(Inspector& f, producer_connections_listed& x) {
        return f(x.connections);
    }
};
/// All producers, by group (code 328).
struct list_producers {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_producers&) {
        return f();
    }
};
struct producers_listed {
    protocol::producer_table table;
    template <class Inspector>
    friend auto inspect(Inspector& f, producers_listed& x) {
        return f(x.table);
    }
};

// ---- from tools: who reads what -------------------------------------------------------------------------------------

/// Groups that subscribe to a topic now, or have offsets on it (code 300).
struct list_topic_readers {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_topic_readers& x) {
        return f(x.topic);
    }
};
struct topic_readers_listed {
    std::vector<std::string> groups; ///< sorted
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_readers_listed& x) {
        return f(x.groups);
    }
};
/// Topics that a group has offsets on (code 343).
struct list_group_topics {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_group_topics& x) {
        return f(x.group);
    }
};
struct group_topics_listed {
    std::vector<std::string> topics; ///< sorted
    std::string broker_address;
    template <class Inspector>
    friend auto inspect(Inspector& f, group_topics_listed& x) {
        return f(x.topics, x.broker_address);
    }
};
/// What a group wants of a topic (code 345).
struct find_subscription {
    std::string group;
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_subscription& x) {
        return f(x.group, x.topic);
    }
};
struct subscription_found {
    std::string group;
    std::string topic;
    std::vector<protocol::subscription_data> subscription; ///< one, or none
    template <class Inspector>
    friend auto inspect(Inspector& f, subscription_found& x) {
        return f(x.group, x.topic, x.subscription);
    }
};

// ---- from tools: to one member or all of them -----------------------------------------------------------------------

/// Ask a member of a group (codes 307, 309). connection_lost when it is not there.
struct ask_member {
    std::string group;
    std::string client_id;  ///< empty: any member
    std::string message_id; ///< offset message id of the record that goes with it; empty: none
    forward_to_client request;
    template <class Inspector>
    friend auto inspect(Inspector& f, ask_member& x) {
        return f(x.group, x.client_id, x.message_id, x.request);
    }
};
/// How far have the members read, by their own account? (code 223) connection_lost when none is there.
struct ask_members_status {
    std::string group;
    std::string topic;
    std::string client_id; ///< empty: all
    template <class Inspector>
    friend auto inspect(Inspector& f, ask_members_status& x) {
        return f(x.group, x.topic, x.client_id);
    }
};
struct members_status_told {
    protocol::consumer_status status;
    template <class Inspector>
    friend auto inspect(Inspector& f, members_status_told& x) {
        return f(x.status);
    }
};

// ---- from tools: offsets --------------------------------------------------------------------------------------------

/// Set the offsets of a group on a topic (code 222); its consumers follow with their next pull. Fails with topic_not_found,
/// group_not_found, queue_not_found, argument_illegal (an offset outside the queue), busy.
struct reset_offsets {
    std::string group;
    std::string topic;
    queue_id queue{-1};      ///< negative: every queue to read
    timestamp_ms time;       ///< first message stored at or after it; negative: the end
    queue_offset offset{-1}; ///< of one queue; not negative: this, whatever `time` says
    template <class Inspector>
    friend auto inspect(Inspector& f, reset_offsets& x) {
        return f(x.group, x.topic, x.queue, x.time, x.offset);
    }
};
struct offsets_reset {
    protocol::queue_offsets offsets;
    template <class Inspector>
    friend auto inspect(Inspector& f, offsets_reset& x) {
        return f(x.offsets);
    }
};
/// Let a group continue where another is (code 314). offset_not_found when there is nothing to copy.
struct clone_offsets {
    std::string source;
    std::string target;
    std::string topic;    ///< empty: every topic the source has offsets on
    bool offline = false; ///< false: leave out topics that live members of the target do not subscribe to
    template <class Inspector>
    friend auto inspect(Inspector& f, clone_offsets& x) {
        return f(x.source, x.target, x.topic, x.offline);
    }
};
struct offsets_cloned {
    template <class Inspector>
    friend auto inspect(Inspector& f, offsets_cloned&) {
        return f();
    }
};

/// Can this broker run a subscription (code 46)? Consumers of other makes ask at their start, so that it fails then instead of each
/// pull.
struct check_subscription {
    protocol::subscription_data subscription;
    template <class Inspector>
    friend auto inspect(Inspector& f, check_subscription& x) {
        return f(x.subscription);
    }
};
struct subscription_checked {
    error problem; ///< code none: it can; else what a pull with this subscription would be answered
    template <class Inspector>
    friend auto inspect(Inspector& f, subscription_checked& x) {
        return f(x.problem);
    }
};

/// What operators ask. Another interface of whatever actor serves as a broker: the broker role, and the proxy of a remote one.
using operator_actor =
    caf::typed_actor<caf::replies_to<list_members>::with<members_listed>, caf::replies_to<list_dead_letters>::with<dead_letters_listed>,
                     caf::replies_to<read_page>::with<page_read>, caf::replies_to<trace_message>::with<message_traced>,
                     caf::replies_to<list_lags>::with<lags_listed>, caf::replies_to<resend_dead_letters>::with<dead_letters_resent>,
                     caf::replies_to<reset_offsets>::with<offsets_reset>>;

/// Everything above that is asked of a broker. The broker role serves it; of this, proxies serve what operator_actor has.
using broker_members_actor = operator_actor::extend<
    caf::replies_to<remote_heartbeat>::with<heartbeat_accepted>, caf::replies_to<send_reply>::with<messages_stored>,
    caf::replies_to<list_consumer_connections>::with<consumer_connections_listed>,
    caf::replies_to<list_producer_connections>::with<producer_connections_listed>, caf::replies_to<list_producers>::with<producers_listed>,
    caf::replies_to<check_subscription>::with<subscription_checked>, caf::replies_to<list_topic_readers>::with<topic_readers_listed>,
    caf::replies_to<list_group_topics>::with<group_topics_listed>, caf::replies_to<find_subscription>::with<subscription_found>,
    caf::replies_to<ask_member>::with<client_answered>, caf::replies_to<ask_members_status>::with<members_status_told>,
    caf::replies_to<clone_offsets>::with<offsets_cloned>>;

// ---- to the roles below ---------------------------------------------------------------------------------------------

/// To the offset keeper: all of them in one write. offset_committed means they survive power loss.
struct commit_offsets {
    std::vector<std::pair<progress_key, queue_offset>> offsets;
    bool only_forward = false; ///< those that would go back are left out
    template <class Inspector>
    friend auto inspect(Inspector& f, commit_offsets& x) {
        return f(x.offsets, x.only_forward);
    }
};
/// To the offset keeper: which groups have offsets on a topic?
struct list_offset_groups {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_offset_groups& x) {
        return f(x.topic);
    }
};
struct offset_groups_listed {
    std::vector<std::string> groups; ///< sorted
    template <class Inspector>
    friend auto inspect(Inspector& f, offset_groups_listed& x) {
        return f(x.groups);
    }
};
/// To a log reader: the record at a log position; message_not_found, corrupt.
struct read_record_at {
    log_position position;
    template <class Inspector>
    friend auto inspect(Inspector& f, read_record_at& x) {
        return f(x.position);
    }
};
struct record_at_read {
    payload record;
    template <class Inspector>
    friend auto inspect(Inspector& f, record_at_read&) {
        return f();
    }
};
/// To a log reader: where the queues of a reset_offsets begin then. argument_illegal when `offset` is outside its queue.
struct locate_offsets {
    std::string topic;
    std::vector<queue_id> queues;
    timestamp_ms time;
    queue_offset offset{-1};
    template <class Inspector>
    friend auto inspect(Inspector& f, locate_offsets& x) {
        return f(x.topic, x.queues, x.time, x.offset);
    }
};
struct offsets_located {
    std::vector<std::pair<topic_queue, queue_offset>> offsets;
    template <class Inspector>
    friend auto inspect(Inspector& f, offsets_located& x) {
        return f(x.offsets);
    }
};
/// To a log reader: the ends of one queue.
struct find_bounds {
    topic_queue queue;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_bounds& x) {
        return f(x.queue);
    }
};
struct bounds_found {
    queue_offset min;
    queue_offset max;
    template <class Inspector>
    friend auto inspect(Inspector& f, bounds_found& x) {
        return f(x.min, x.max);
    }
};

} // namespace troupe::actors
