#pragma once

#include "client/connection.hpp"
#include "client/message.hpp"
#include "client/pull_consumer.hpp"
#include "protocol/bodies.hpp"
#include "protocol/group_members.hpp"
#include "protocol/trace_bodies.hpp"
#include "protocol/transaction_bodies.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe::client {

/// A topic as one broker has it.
struct topic_on_broker {
    std::string broker_name;
    topic_config config;
};

struct topic_description {
    std::vector<topic_on_broker> brokers;
    std::map<message_queue, protocol::queue_stats> queues;
};

/// A group as one broker has it.
struct group_on_broker {
    std::string broker_name;
    group_config config;
};

/// How far a group is behind.
struct group_summary {
    std::string name;
    bool is_known = false;    ///< a broker has measured it; the rest is only right then
    std::int32_t members = 0; ///< on the broker that has most
    std::int64_t lag = 0;     ///< messages stored and not committed
    std::int64_t lag_ms = 0;  ///< age of the oldest of them when it was measured
    bool is_slow = false;     ///< for one of the brokers, by its threshold
};

struct group_description {
    std::string name;
    std::vector<std::string> members; ///< client ids; empty: nobody is connected
    /// The same with what each subscribes to, by client id; empty for RocketMQ's brokers, which do not know it.
    std::vector<protocol::described_member> member_details;
    /// What the members do not subscribe to in the same way: each then gets only a part of what the others want. Empty: they agree.
    std::vector<protocol::group_difference> differences;
    std::map<message_queue, protocol::group_progress> queues;
    group_summary summary;                ///< of all topics, whatever was asked for
    std::vector<group_on_broker> brokers; ///< those that have its settings, by name
    /// Brokers that did not tell whether they have its settings, and why.
    std::map<std::string, error> untold;
    /// Brokers that did not tell how far it is on their queues, or how far behind, and why: `queues` and `summary` are without theirs.
    std::map<std::string, error> untold_progress;

    /// Messages stored and not yet committed, over all queues.
    [[nodiscard]] std::int64_t lag() const;
};

/// Which messages of a key are of interest.
struct find_options {
    std::int32_t messages_max = 32; ///< of each broker; brokers may give less
    timestamp_ms begin;             ///< of the store time
    timestamp_ms end{INT64_MAX};
};

/// A message that waits for its time, on one broker.
struct pending_timer {
    timestamp_ms due;
    std::string topic;        ///< that it is for
    received_message message; ///< its queue names the broker, and the queue that it is for
};
struct pending_timers {
    std::vector<pending_timer> timers; ///< in the order in which they are due
    bool has_more = false;
    std::uint64_t pending = 0; ///< of all topics, on all brokers
};

/// Dead letters of a group in one queue of a broker.
struct dead_letters {
    std::string group;
    message_queue queue;
    queue_offset first; ///< of those that are still there
    queue_offset next;
    timestamp_ms first_stored; ///< 0: there is none
    timestamp_ms last_stored;
    queue_offset resent; ///< those below it were put back with all that were not put back yet
};
/// How many of a queue were put back.
struct resent_letters {
    message_queue queue;
    std::size_t resent = 0;
    queue_offset next; ///< where the next order goes on
    queue_offset end;  ///< of the queue
};

/// A message, or a copy that its failure at a group made, with what its broker knows of it.
struct message_stop {
    enum class kind_type : std::uint8_t { original, retry, dead_letter };
    kind_type kind = kind_type::original;
    std::string group; ///< that a copy is for; empty for the original
    received_message message;
    protocol::message_trace trace;
};
struct message_way {
    std::vector<message_stop> stops; ///< the original first, then its copies by group and the time they were stored
    bool copies_are_findable = true; ///< false: the message has no unique key to look for
};

/// What a group had committed on a queue, and what it has now.
struct offset_change {
    std::int64_t from = -1; ///< 0 also where nothing was, as brokers tell it; -1: its broker did not know the group
    queue_offset to;
    friend bool operator==(const offset_change&, const offset_change&) = default;
};

/// Asks and changes a cluster. Every call blocks up to the connection's request timeout per broker it asks. A broker that is away,
/// as during its restart, is asked again within that time, except for deletions: those are not repeated when their outcome is
/// unknown.
///
/// Threads  safe to use from any thread, never from an actor or a callback.
/// Fails    with no_name_server, no_route (no broker), connect_failed, timed_out, and what brokers answer.
class admin {
public:
    explicit admin(connection via) : via_{std::move(via)} {}

    /// Creates or replaces the topic on the named brokers (by default all), and waits until a name server shows it.
    result<void> put_topic(const topic_config& topic, const std::vector<std::string>& broker_names = {});
    /// As put_topic, but fails with already_exists when any broker has the topic.
    result<void> create_topic(const topic_config& topic, const std::vector<std::string>& broker_names = {});
    /// As put_topic, but only on brokers that have the topic; fails with topic_not_found when none has.
    result<void> update_topic(const topic_config& topic);
    /// On all brokers and name servers. Fails with topic_not_found.
    result<void> delete_topic(const std::string& topic);
    /// Sorted; without system topics unless asked for.
    result<std::vector<std::string>> list_topics(bool with_system = false);
    /// Fails with topic_not_found.
    result<topic_description> describe_topic(const std::string& topic);

    /// Creates or replaces the group on the named brokers (by default all); the first failure ends it.
    result<void> put_group(const group_config& group, const std::vector<std::string>& broker_names = {});
    /// Of the named brokers (by default all) those that have the group, by name, with its settings. Fails with group_not_found, not_found
    /// (no such broker).
    result<std::vector<group_on_broker>> find_group(const std::string& group, const std::vector<std::string>& broker_names = {});
    /// Changes a group where it is: on every broker that has it, without touching its other settings. Fails with group_not_found.
    result<void> set_delivery_quota(const std::string& group, std::int64_t messages_per_second);
    /// On the named brokers (by default all); those that do not have it have nothing to do. The first failure ends it.
    result<void> delete_group(const std::string& group, bool with_offsets, const std::vector<std::string>& broker_names = {});
    /// Sorted names of the groups of all brokers; without those that Apache's brokers make for themselves and for its tools unless
    /// asked for.
    result<std::vector<std::string>> list_groups(bool with_system = false);
    /// The same groups with how far they are behind, over all brokers, as these measured it last. RocketMQ's brokers do not say:
    /// `is_known` is false for groups of theirs.
    result<std::vector<group_summary>> summarize_groups(bool with_system = false);
    /// Fails with group_not_found. `topic` empty: all topics of the group. What brokers do not tell is left out, and they are named in
    /// `untold` and `untold_progress`; if nobody else knows the group, it fails as the first of them did.
    result<group_description> describe_group(const std::string& group, const std::string& topic = {});

    /// Lets a group go on elsewhere: on all queues of the topic, on all brokers. `to` is not an offset, which would mean nothing for several
    /// queues, and not committed(). Live consumers go there with their next pull, and what they commit until then does not count; who
    /// pops gets what lies there next. Fails with group_not_found, topic_not_found, argument_illegal, busy; on several brokers what went
    /// before the failure stays changed. Only on the named brokers, if there are any.
    result<std::map<message_queue, offset_change>> reset_offsets(const std::string& group, const std::string& topic, seek_target to,
                                                                 const std::vector<std::string>& broker_names = {});
    /// The same on one queue, to an offset too, which must lie inside it.
    result<offset_change> reset_offset(const std::string& group, const message_queue& queue, seek_target to);
    /// What these two would do now, and fail with; nothing is changed. Messages that come or go in between move first, last and times.
    result<std::map<message_queue, offset_change>> preview_reset_offsets(const std::string& group, const std::string& topic, seek_target to,
                                                                         const std::vector<std::string>& broker_names = {});
    result<offset_change> preview_reset_offset(const std::string& group, const message_queue& queue, seek_target to);

    /// The message of this id: an offset id names its place; a unique key is looked up on all brokers, in `topic`, which it needs.
    /// Of several with one unique key, as after a repeated send, the first. Fails with message_not_found, argument_illegal (no id; a
    /// unique key without topic). Not from inside the brokers' process.
    result<received_message> find_message(const std::string& id, const std::string& topic = {});
    /// Messages that have this word among their keys, the newest first. Fails with message_not_found. Not from inside the brokers'
    /// process.
    result<std::vector<received_message>> find_messages(const std::string& topic, const std::string& key, const find_options& options = {});

    /// A half message without an outcome, and the name of its broker.
    using pending_transaction = std::pair<std::string, protocol::transaction_entry>;
    struct resumed_transaction {
        std::string broker_name;
        std::string offset_message_id; ///< of the half message that it goes on as
        log_position position;
        queue_offset offset;
    };
    /// Of all brokers, or only those of one producer group; at most so many of each broker.
    result<std::vector<pending_transaction>> list_transactions(const std::string& group = {}, std::int32_t transactions_max = 100);
    /// Messages that were given up and not resumed, likewise.
    result<std::vector<pending_transaction>> list_given_up_transactions(const std::string& group = {}, std::int32_t transactions_max = 100);
    /// Goes on with one that was given up, by its offset message id or that of its half message: it is pending again, as the half message
    /// that the answer has, and its producers are asked anew. A second time the answer is the same. Asks the broker whose address is in
    /// the id; when none has it any more, every Troupe. Asks once: what became of it after a timeout or a lost connection is not known, and
    /// a broker of Apache RocketMQ would do it again. Fails with message_not_found (no broker knows it), not_permitted (it was not given
    /// up), argument_illegal (no id), and what the broker answers.
    result<resumed_transaction> resume_transaction(const std::string& id);
    /// Decides one that is stuck, by its offset message id. Fails with message_not_found when it is not pending, argument_illegal (no
    /// id; `unknown`), and what the broker answers.
    result<pending_transaction> end_transaction(const std::string& id, transaction_outcome outcome);

    /// The `max` messages that are due first of those that wait for their time, over all brokers; of one topic if that is not empty. Not
    /// from inside the brokers' process, as the next two.
    result<pending_timers> list_timers(const std::string& topic, std::size_t max);
    /// One of them by its unique key. Fails with message_not_found.
    result<pending_timer> find_timer(const std::string& topic, const std::string& message_id);
    /// It will not be delivered. Fails with message_not_found, operation_illegal (it is being delivered).
    result<void> cancel_timer(const std::string& topic, const std::string& message_id);

    /// Dead letters of one group, or of all, on all brokers; by group. Without those queues that have none and never had.
    result<std::vector<dead_letters>> list_dead_letters(const std::string& group = {});
    /// At most `max` messages of a queue from an offset on, in no group and without waiting; of any topic. Behind them the next offset.
    /// Fails with topic_not_found, queue_not_found, not_found (no such broker).
    result<std::pair<std::vector<received_message>, queue_offset>> read_queue(const message_queue& queue, queue_offset from,
                                                                              std::size_t max);
    /// Gives dead letters to their group again, through its retry topic, which no other group reads; their tries begin anew. At most `max`
    /// of those that no such order put back before; how many it were on each queue. Brokers remember how far they are after each page of
    /// copies: a crash between the two lets the next order repeat that page. Fails with group_not_found, and what sending fails with; what
    /// was put back before stays so.
    result<std::vector<resent_letters>> resend_dead_letters(const std::string& group, std::size_t max);
    /// The same for one, whether or not it was put back before: by the offset id of the dead letter, or by the unique key of the message,
    /// the newest if it died several times. Fails with message_not_found, argument_illegal (no id).
    result<received_message> resend_dead_letter(const std::string& group, const std::string& id);

    /// A message's way, from what the brokers store and remember, without a topic for traces: where it lies, to whom it was handed, who is
    /// done with it, and its copies in the retry and dead letter topics of the groups that have to do with it. Copies are found by its unique
    /// key. Fails as find_message.
    result<message_way> trace_message(const std::string& id, const std::string& topic = {});

    result<protocol::cluster_info> describe_cluster();
    /// Counters and state of one broker. Fails with not_found for an unknown name.
    result<protocol::key_value_table> describe_broker(const std::string& broker_name);

private:
    connection via_;
};

} // namespace troupe::client
