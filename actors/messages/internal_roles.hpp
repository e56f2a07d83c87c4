#pragma once

#include "actors/base/admission.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/roles.hpp"
#include "storage/message_store.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The roles inside one broker process. Their messages never leave it: they carry storage types and are not serialised.
///
/// Life of a send:  gateway (validates against topic_directory, encodes) -> log_writer (places, writes, syncs) -> gateway
/// Life of a pull:  gateway -> broker (checks, filter, commit) -> queue (holds if there is nothing) -> log_reader -> gateway
/// Requests on these two paths are one-way messages with a ticket, batched, because CAF keeps outstanding requests in a
/// list that is searched for each answer (docs/decisions/0005); tickets cost the same with one or ten thousand outstanding.
namespace troupe::actors {

/// Finish what was accepted, answer it, then end. Sent with normal priority, so it comes after the work its sender sent
/// before; an exit message would overtake that work. `broker_node::stop` sends it to each role in order.
struct finish {
    bool process_ends = true; ///< false: only this role goes (an idle queue); what it holds is answered "nothing new"
    template <class Inspector>
    friend auto inspect(Inspector& f, finish& x) {
        return f(x.process_ends);
    }
};

// ---- sends ----------------------------------------------------------------------------------------------------------

/// Store these, answer `reply_to` with records_appended. Exactly one outcome per ticket, in any order.
/// Whoever sends it has acquired `records.bytes.size()` of the broker's append admission; the log writer releases it.
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

// ---- pulls ----------------------------------------------------------------------------------------------------------

struct pull_answered {
    std::uint64_t ticket = 0;
    error failure; ///< code none: `answer` holds
    messages_pulled answer;
    forbidden_by forbidden = forbidden_by::nothing; ///< with not_permitted
};

/// Whoever waits for tickets: a gateway, or the broker on behalf of an embedded client. It monitors the log writer and the
/// broker: when one of them ends, what it still waits for there has failed with shutting_down.
using ticket_holder_actor = caf::typed_actor<caf::reacts_to<records_appended>, caf::reacts_to<pull_answered>>;

struct append_records {
    std::vector<append_entry> entries;
    ticket_holder_actor reply_to;
    bool together = false; ///< in one group commit, however large: all or none are stored
};
struct pull_ticketed {
    std::uint64_t ticket = 0;
    pull_messages pull;
    ticket_holder_actor reply_to;
    std::uint64_t connection = 0; ///< whose pull it is: connections take turns when reads are waited for
};
/// The holder's connection ended: forget what is held for these tickets. No answer.
struct pull_abandoned {
    std::vector<std::uint64_t> tickets;
    ticket_holder_actor reply_to;
    std::vector<topic_queue> queues = {}; ///< that the pulls are for; empty: the sender does not know, every queue is told
};

/// A pull that the broker has checked.
struct pull_from_queue {
    std::uint64_t ticket = 0;
    ticket_holder_actor reply_to;
    queue_offset from;
    storage::read_limits limits;
    std::shared_ptr<const storage::record_filter> filter; ///< null: every message
    std::int64_t hold_ms = 0;
    std::uint64_t connection = 0; ///< as in pull_ticketed
};

/// Records of a queue as they lie in the log, one after the other.
struct fresh_records {
    queue_offset first;
    std::int32_t count = 0; ///< 0: there are none
    payload records;
    std::shared_ptr<const admitted> room = nullptr; ///< what they take of the bound on all fresh records, until they are dropped
};
/// Records of the queue became visible; its bounds are now these. Small ones come along, so that who waits for them need not read.
struct records_arrived {
    storage::queue_bounds bounds;
    fresh_records fresh = {};
};
/// A log reader has done what read_records asked.
struct records_read {
    std::uint64_t read = 0; ///< number that the queue gave the read
    error failure;          ///< code none: `records` holds
    storage::read_records records;
};
/// Self-message of a queue: a deadline is due. Out of date unless `epoch` is the latest.
struct hold_tick {
    std::uint64_t epoch = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, hold_tick& x) {
        return f(x.epoch);
    }
};

/// One queue of a topic while somebody pulls from it.
using queue_actor = caf::typed_actor<caf::reacts_to<pull_from_queue>, caf::reacts_to<pull_abandoned>, caf::reacts_to<records_arrived>,
                                     caf::reacts_to<records_read>, caf::reacts_to<hold_tick>, caf::reacts_to<finish>>;

/// A queue had nothing to do for a while. Its owner answers with finish, and spawns another at the next pull.
struct queue_idle {
    topic_queue queue;
    std::uint64_t instance = 0; ///< as given at spawn
    template <class Inspector>
    friend auto inspect(Inspector& f, queue_idle& x) {
        return f(x.queue, x.instance);
    }
};
using queue_owner_actor = caf::typed_actor<caf::reacts_to<queue_idle>>;

// ---- log writer -----------------------------------------------------------------------------------------------------

/// Whoever wants to know what becomes visible in a queue.
using records_watcher_actor = caf::typed_actor<caf::reacts_to<records_arrived>>;

/// Tell `watcher` of everything that becomes visible in `queue`, beginning with the bounds of now. One watcher per queue:
/// the latest.
struct watch_queue {
    topic_queue queue;
    records_watcher_actor watcher;
    bool wants_records = true; ///< false: only the news of them
};
struct unwatch_queue {
    topic_queue queue;
    records_watcher_actor watcher;
};
/// Something became visible in these queues.
struct queues_grew {
    std::vector<topic_queue> queues;
    template <class Inspector>
    friend auto inspect(Inspector& f, queues_grew& x) {
        return f(x.queues);
    }
};
using growth_watcher_actor = caf::typed_actor<caf::reacts_to<queues_grew>>;
/// Tell `watcher` whenever something becomes visible in `queue`, once now and until it is told to stop. Apart from watch_queue: one
/// watcher for all queues, the latest.
struct watch_growth {
    topic_queue queue;
    growth_watcher_actor watcher;
    bool begin = true; ///< false: stop
};
/// Drop the index of a deleted topic.
struct drop_topic_index {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, drop_topic_index& x) {
        return f(x.topic);
    }
};
struct topic_index_dropped {
    template <class Inspector>
    friend auto inspect(Inspector& f, topic_index_dropped&) {
        return f();
    }
};
/// Self-messages of the log writer.
struct write_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, write_tick&) {
        return f();
    }
};
struct probe_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, probe_tick&) {
        return f();
    }
};
struct retain_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, retain_tick&) {
        return f();
    }
};
/// Owns all positions of the log; the only writer of the message store.
using log_writer_actor =
    caf::typed_actor<caf::reacts_to<append_records>, caf::reacts_to<watch_queue>, caf::reacts_to<unwatch_queue>,
                     caf::reacts_to<watch_growth>, caf::replies_to<drop_topic_index>::with<topic_index_dropped>, caf::reacts_to<write_tick>,
                     caf::reacts_to<probe_tick>, caf::reacts_to<retain_tick>, caf::reacts_to<finish>>;

// ---- log flusher ----------------------------------------------------------------------------------------------------

/// Sync now. `repeat` is the tick that sends itself again; without it, a nudge of the log writer.
struct sync_tick {
    bool repeat = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, sync_tick& x) {
        return f(x.repeat);
    }
};
/// Syncs the log in flush mode async.
using log_flusher_actor = caf::typed_actor<caf::reacts_to<sync_tick>, caf::reacts_to<finish>>;

// ---- indexer --------------------------------------------------------------------------------------------------------

/// Write index entries now. `repeat` is the tick that sends itself again; without it, a nudge of the log writer.
struct index_tick {
    bool repeat = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, index_tick& x) {
        return f(x.repeat);
    }
};
/// Moves index entries from memory to RocksDB.
using indexer_actor = caf::typed_actor<caf::reacts_to<index_tick>, caf::reacts_to<finish>>;

// ---- log readers ----------------------------------------------------------------------------------------------------

struct read_queue {
    std::uint64_t read = 0;
    topic_queue queue;
    queue_offset from;
    std::shared_ptr<const storage::record_filter> filter;
    storage::read_limits limits;
    queue_actor reply_to;
};
/// Bounds of the first `queues` queues of a topic.
struct describe_queues {
    std::string topic;
    std::string broker_name;
    std::int32_t queues = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_queues& x) {
        return f(x.topic, x.broker_name, x.queues);
    }
};
/// How far a group is, given what it has committed.
struct describe_progress {
    std::string broker_name;
    std::vector<std::pair<topic_queue, queue_offset>> committed;
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_progress& x) {
        return f(x.broker_name, x.committed);
    }
};
/// Counters and state of the store.
struct describe_store {
    template <class Inspector>
    friend auto inspect(Inspector& f, describe_store&) {
        return f();
    }
};
/// Everything that blocks on reading the store. Several of them, without state: any one can answer.
using log_reader_actor =
    caf::typed_actor<caf::reacts_to<read_queue>, caf::replies_to<find_max_offset>::with<offset_found>,
                     caf::replies_to<find_min_offset>::with<offset_found>, caf::replies_to<search_offset>::with<offset_found>,
                     caf::replies_to<describe_queues>::with<topic_described>, caf::replies_to<describe_progress>::with<group_described>,
                     caf::replies_to<describe_store>::with<broker_described>, caf::replies_to<read_record_at>::with<record_at_read>,
                     caf::replies_to<locate_offsets>::with<offsets_located>, caf::replies_to<find_bounds>::with<bounds_found>,
                     caf::replies_to<read_page>::with<page_read>, caf::replies_to<describe_ages>::with<ages_described>,
                     caf::replies_to<measure_lag>::with<lag_measured>, caf::replies_to<trim_topic>::with<topic_trimmed>,
                     caf::reacts_to<finish>>;

// ---- metadata -------------------------------------------------------------------------------------------------------

/// Commits that came with pulls: no client waits for them, so they are made durable with the next batch. The answer says that
/// they are known, not that they are durable: it paces whoever sends them.
struct note_offsets {
    std::vector<std::pair<progress_key, queue_offset>> offsets;
    bool only_forward = false; ///< those that would go back are left out
    template <class Inspector>
    friend auto inspect(Inspector& f, note_offsets& x) {
        return f(x.offsets, x.only_forward);
    }
};
struct offsets_noted {
    template <class Inspector>
    friend auto inspect(Inspector& f, offsets_noted&) {
        return f();
    }
};
/// Committed offsets of a group; of one topic if that is not empty.
struct list_offsets {
    std::string group;
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_offsets& x) {
        return f(x.group, x.topic);
    }
};
struct offsets_listed {
    std::vector<std::pair<topic_queue, queue_offset>> offsets;
    template <class Inspector>
    friend auto inspect(Inspector& f, offsets_listed& x) {
        return f(x.offsets);
    }
};
/// Self-message: make the noted offsets durable.
struct offset_tick {
    bool repeat = false; ///< true: the tick for noted offsets, which sends itself again
    template <class Inspector>
    friend auto inspect(Inspector& f, offset_tick& x) {
        return f(x.repeat);
    }
};
/// To the offset keeper: the group has a configuration from now on.
struct claim_group {
    std::string group;
    template <class Inspector>
    friend auto inspect(Inspector& f, claim_group& x) {
        return f(x.group);
    }
};
/// To the offset keeper: these groups have members, or have pulled of late, and have no configuration.
struct keep_offsets {
    std::vector<std::string> groups;
    template <class Inspector>
    friend auto inspect(Inspector& f, keep_offsets& x) {
        return f(x.groups);
    }
};
/// Keeps how far each group has read. It also removes topics and groups, so that their offsets go in the same write.
using offset_keeper_actor =
    caf::typed_actor<caf::replies_to<commit_offset>::with<offset_committed>, caf::replies_to<note_offsets>::with<offsets_noted>,
                     caf::replies_to<query_offset>::with<offset_found>, caf::replies_to<list_offsets>::with<offsets_listed>,
                     caf::replies_to<commit_offsets>::with<offset_committed>,
                     caf::replies_to<list_offset_groups>::with<offset_groups_listed>,
                     caf::replies_to<list_queue_offsets>::with<queue_offsets_listed>, caf::replies_to<delete_topic>::with<topic_deleted>,
                     caf::replies_to<delete_group>::with<group_deleted>, caf::reacts_to<claim_group>, caf::reacts_to<keep_offsets>,
                     caf::reacts_to<offset_tick>, caf::reacts_to<finish>>;

/// To the metadata keeper: nothing of a deleted topic is left.
struct forget_deleted_topic {
    std::string topic;
    template <class Inspector>
    friend auto inspect(Inspector& f, forget_deleted_topic& x) {
        return f(x.topic);
    }
};

/// Store how a group takes messages of a topic.
struct put_request_mode {
    request_mode mode;
    template <class Inspector>
    friend auto inspect(Inspector& f, put_request_mode& x) {
        return f(x.mode);
    }
};
struct request_mode_put {
    template <class Inspector>
    friend auto inspect(Inspector& f, request_mode_put&) {
        return f();
    }
};
/// Keeps topics, groups and request modes on disk: answers when they are durable.
using metadata_keeper_actor = caf::typed_actor<caf::replies_to<put_topic>::with<topic_put>, caf::replies_to<put_group>::with<group_put>,
                                               caf::replies_to<put_request_mode>::with<request_mode_put>,
                                               caf::reacts_to<forget_deleted_topic>, caf::reacts_to<finish>>;

// ---- broker ---------------------------------------------------------------------------------------------------------

/// The topics of the broker changed; `topic_directory` has the new ones. Several changes may come as one event.
struct topics_changed {
    template <class Inspector>
    friend auto inspect(Inspector& f, topics_changed&) {
        return f();
    }
};
using topics_watcher_actor = caf::typed_actor<caf::reacts_to<topics_changed>>;
/// Tell `watcher` of every change, until it ends.
struct watch_topics {
    topics_watcher_actor watcher;
};

/// Where the broker finds out which other brokers have a topic. The latest counts.
struct use_name_servers {
    std::vector<name_server_actor> name_servers;
};

/// The broker as its own process sees it.
using local_broker_actor = broker_actor::extend<caf::reacts_to<pull_ticketed>, caf::reacts_to<pull_abandoned>, caf::reacts_to<watch_topics>,
                                                caf::reacts_to<use_name_servers>, caf::reacts_to<finish>>;

} // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::ages_described)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::records_appended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pull_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::append_records)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pull_ticketed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pull_abandoned)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pull_from_queue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::records_arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::records_read)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::watch_queue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::unwatch_queue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::watch_growth)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::read_queue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::watch_topics)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::use_name_servers)
