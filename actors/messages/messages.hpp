#pragma once

#include "protocol/bodies.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/payload.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <caf/typed_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// What roles say to each other, within one process and (as remoting frames, by a proxy and a gateway) between
/// processes. Orders on the left of the interfaces in `roles.hpp`, results on the right, events in the past tense.
namespace troupe::actors {

// ---- to a client ----------------------------------------------------------------------------------------------------

/// The members or subscriptions of a group changed: rebalance now (code 40).
struct consumers_changed {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, consumers_changed& x) {
        return f(x.group);
    }
};

/// How a broker reaches one connected client. Its end is the client's end: the broker monitors it.
using client_session_actor = caf::typed_actor<caf::reacts_to<consumers_changed>>;

// ---- producers ------------------------------------------------------------------------------------------------------

/// Store one message, or a batch of them in one queue (codes 10, 310, 320).
struct send_messages {
    std::string producer_group;
    std::string topic;
    queue_id queue; ///< negative: any writable queue
    std::int32_t sys_flag = 0;
    timestamp_ms born;
    protocol::host_address born_host;
    std::int32_t flag = 0;
    std::string properties; ///< encoded
    std::int32_t reconsume_times = 0;
    bool batch = false; ///< body is a concatenation in the form of `protocol/batch_codec.hpp`
    payload body;
    std::string topic_template = "TBW102";  ///< topic that a missing one is made from, where sends may make topics
    std::int32_t topic_template_queues = 4; ///< that it has at most then
    bool unit_mode = false;                 ///< a mark that it gets then (RocketMQ: topicSysFlag)
    template <class Inspector>
    friend auto inspect(Inspector& f, send_messages& x) {
        return f(x.producer_group, x.topic, x.queue, x.sys_flag, x.born, x.born_host, x.flag, x.properties, x.reconsume_times, x.batch,
                 x.topic_template, x.topic_template_queues, x.unit_mode);
    }
};
struct messages_stored {
    std::string message_ids; ///< offset message id; of a batch all, joined by commas
    queue_id queue;
    queue_offset offset; ///< of the first message
    std::string transaction_id;
    std::string recall_handle = {}; ///< of a message that waits for its time: takes it back (recall_message); else empty
    template <class Inspector>
    friend auto inspect(Inspector& f, messages_stored& x) {
        return f(x.message_ids, x.queue, x.offset, x.transaction_id, x.recall_handle);
    }
};

// ---- consumers ------------------------------------------------------------------------------------------------------

/// Read records of a queue; held by the queue while there is nothing, if hold_ms says so (code 11).
struct pull_messages {
    std::string group;
    std::string topic;
    queue_id queue;
    queue_offset offset;
    std::int32_t messages_max = 32;
    std::int32_t bytes_max = 256 << 10;
    std::int64_t hold_ms = 0; ///< 0: answer at once
    bool commit = false;      ///< commit `commit_offset` for the group first
    queue_offset commit_offset;
    bool has_expression = false; ///< false: use the subscription of the group's heartbeat
    std::string expression;
    std::string expression_type;
    std::int64_t subscription_version = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, pull_messages& x) {
        return f(x.group, x.topic, x.queue, x.offset, x.messages_max, x.bytes_max, x.hold_ms, x.commit, x.commit_offset, x.has_expression,
                 x.expression, x.expression_type, x.subscription_version);
    }
};
enum class pull_status : std::uint8_t { found = 0, no_new = 1, no_match = 2, offset_moved = 3 };
/// What forbids a pull; RocketMQ's numbers (forbiddenType).
enum class forbidden_by : std::int32_t {
    nothing = 0,
    broker = 1,       ///< its permission lacks read
    group = 2,        ///< its consume_enable is off
    topic = 3,        ///< its permission lacks read
    broadcasting = 4, ///< the group's consume_broadcast_enable is off
};
struct messages_pulled {
    pull_status status = pull_status::no_new;
    queue_offset next;
    queue_offset min;
    queue_offset max;
    payload records; ///< stored records, one after the other
    template <class Inspector>
    friend auto inspect(Inspector& f, messages_pulled& x) {
        return f(x.status, x.next, x.min, x.max);
    }
};

/// Remember how far a group has read (code 15). offset_committed means it survives power loss.
struct commit_offset {
    progress_key key;
    queue_offset offset;
    template <class Inspector>
    friend auto inspect(Inspector& f, commit_offset& x) {
        return f(x.key, x.offset);
    }
};
struct offset_committed {
    template <class Inspector>
    friend auto inspect(Inspector& f, offset_committed&) {
        return f();
    }
};
/// How far a group has read (code 14); offset_not_found when nothing is committed.
struct query_offset {
    progress_key key;
    bool zero_if_not_found = true; ///< RocketMQ's setZeroIfNotFound: false forbids the young-queue answer 0
    template <class Inspector>
    friend auto inspect(Inspector& f, query_offset& x) {
        return f(x.key, x.zero_if_not_found);
    }
};
/// Bounds of a queue (codes 30, 31) and first or last offset by time (code 29).
struct find_max_offset {
    topic_queue queue;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_max_offset& x) {
        return f(x.queue);
    }
};
struct find_min_offset {
    topic_queue queue;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_min_offset& x) {
        return f(x.queue);
    }
};
struct search_offset {
    topic_queue queue;
    timestamp_ms time;
    bool upper = false; ///< last offset at or before, instead of first at or after
    template <class Inspector>
    friend auto inspect(Inspector& f, search_offset& x) {
        return f(x.queue, x.time, x.upper);
    }
};
struct offset_found {
    queue_offset offset;
    template <class Inspector>
    friend auto inspect(Inspector& f, offset_found& x) {
        return f(x.offset);
    }
};

// ---- group membership -----------------------------------------------------------------------------------------------

/// A client is alive, and this is what it produces and consumes (code 34).
struct client_heartbeat {
    protocol::heartbeat_data data;
    client_session_actor session; ///< set by the gateway, or by an embedded client
    template <class Inspector>
    friend auto inspect(Inspector& f, client_heartbeat& x) {
        return f(x.data, x.session);
    }
};
struct heartbeat_accepted {
    template <class Inspector>
    friend auto inspect(Inspector& f, heartbeat_accepted&) {
        return f();
    }
};
/// A client leaves groups (code 35); empty group names are left out.
struct unregister_client {
    std::string client_id;
    std::string producer_group;
    std::string consumer_group;
    template <class Inspector>
    friend auto inspect(Inspector& f, unregister_client& x) {
        return f(x.client_id, x.producer_group, x.consumer_group);
    }
};
struct client_unregistered {
    template <class Inspector>
    friend auto inspect(Inspector& f, client_unregistered&) {
        return f();
    }
};
/// Client ids of a group (code 38); group_not_found when it has no member.
struct list_group_members {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_group_members& x) {
        return f(x.group);
    }
};
struct group_members {
    std::vector<std::string> client_ids; ///< sorted
    template <class Inspector>
    friend auto inspect(Inspector& f, group_members& x) {
        return f(x.client_ids);
    }
};

// ---- administration of one broker -----------------------------------------------------------------------------------

/// Create or replace a topic (17), delete it (215), list all (21), bounds of each queue (202).
struct put_topic {
    topic_config topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, put_topic& x) {
        return f(x.topic);
    }
};
struct topic_put {
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_put&) {
        return f();
    }
};
struct delete_topic {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, delete_topic& x) {
        return f(x.topic);
    }
};
struct topic_deleted {
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_deleted&) {
        return f();
    }
};
struct list_topics {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_topics&) {
        return f();
    }
};
struct topics_listed {
    protocol::topic_table table;
    template <class Inspector>
    friend auto inspect(Inspector& f, topics_listed& x) {
        return f(x.table);
    }
};
struct describe_topic {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_topic& x) {
        return f(x.topic);
    }
};
struct topic_described {
    protocol::topic_stats stats;
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_described& x) {
        return f(x.stats);
    }
};
/// Create or replace a group (200), delete it (207), list all (201), progress per queue (208).
struct put_group {
    group_config group;
    template <class Inspector>
    friend auto inspect(Inspector& f, put_group& x) {
        return f(x.group);
    }
};
struct group_put {
    template <class Inspector>
    friend auto inspect(Inspector& f, group_put&) {
        return f();
    }
};
struct delete_group {
    std::string group;
    bool with_offsets = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, delete_group& x) {
        return f(x.group, x.with_offsets);
    }
};
struct group_deleted {
    template <class Inspector>
    friend auto inspect(Inspector& f, group_deleted&) {
        return f();
    }
};
struct list_groups {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_groups&) {
        return f();
    }
};
struct groups_listed {
    protocol::group_table table;
    template <class Inspector>
    friend auto inspect(Inspector& f, groups_listed& x) {
        return f(x.table);
    }
};
struct describe_group {
    std::string group;
    std::string topic; ///< empty: every topic the group has offsets on
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_group& x) {
        return f(x.group, x.topic);
    }
};
struct group_described {
    protocol::consume_stats stats;
    template <class Inspector>
    friend auto inspect(Inspector& f, group_described& x) {
        return f(x.stats);
    }
};
/// Counters and state by name (28): the broker's metrics.
struct describe_broker {
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_broker&) {
        return f();
    }
};
struct broker_described {
    protocol::key_value_table values;
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_described& x) {
        return f(x.values);
    }
};

// ---- name server ----------------------------------------------------------------------------------------------------

/// How a name server knows that a broker's connection is still there: it monitors it. Receives nothing yet.
using broker_session_actor = caf::typed_actor<caf::reacts_to<consumers_changed>>;

/// A broker and all its topics (103). Repeated on every change and every register interval.
struct register_broker {
    std::string cluster;
    std::string broker_name;
    broker_id id;
    std::string address;        ///< "ip:port" that clients dial
    std::int64_t expire_ms = 0; ///< leaves the routes after this long without a sign of life; 0: the default
    protocol::topic_table topics;
    broker_session_actor session;
    template <class Inspector>
    friend auto inspect(Inspector& f, register_broker& x) {
        return f(x.cluster, x.broker_name, x.id, x.address, x.expire_ms, x.topics, x.session);
    }
};
struct broker_registered {
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_registered&) {
        return f();
    }
};
/// A broker ends on purpose (104).
struct unregister_broker {
    std::string cluster;
    std::string broker_name;
    broker_id id;
    std::string address;
    template <class Inspector>
    friend auto inspect(Inspector& f, unregister_broker& x) {
        return f(x.cluster, x.broker_name, x.id, x.address);
    }
};
struct broker_unregistered {
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_unregistered&) {
        return f();
    }
};
/// A broker is alive (904). Answered with success even if it is not registered; registration is repeated anyway.
struct broker_heartbeat {
    std::string cluster;
    std::string broker_name;
    std::string address;
    template <class Inspector>
    friend auto inspect(Inspector& f, broker_heartbeat& x) {
        return f(x.cluster, x.broker_name, x.address);
    }
};
/// Where a topic lives (105); topic_not_found when no live broker has it.
struct find_route {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, find_route& x) {
        return f(x.topic);
    }
};
struct route_found {
    protocol::topic_route route;
    template <class Inspector>
    friend auto inspect(Inspector& f, route_found& x) {
        return f(x.route);
    }
};
/// All clusters and brokers (106).
struct describe_cluster {
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_cluster&) {
        return f();
    }
};
struct cluster_described {
    protocol::cluster_info info;
    template <class Inspector>
    friend auto inspect(Inspector& f, cluster_described& x) {
        return f(x.info);
    }
};
/// Names of all topics (206).
struct list_all_topics {
    template <class Inspector>
    friend auto inspect(Inspector& f, list_all_topics&) {
        return f();
    }
};
struct all_topics {
    std::vector<std::string> names; ///< sorted
    template <class Inspector>
    friend auto inspect(Inspector& f, all_topics& x) {
        return f(x.names);
    }
};
/// Forget a topic's routes (216); it comes back if a broker still registers it.
struct forget_route {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, forget_route& x) {
        return f(x.topic);
    }
};
struct route_forgotten {
    template <class Inspector>
    friend auto inspect(Inspector& f, route_forgotten&) {
        return f();
    }
};

} // namespace troupe::actors
