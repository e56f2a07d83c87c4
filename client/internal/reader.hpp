#pragma once

#include "client/internal/delivery.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/internal/roles.hpp"
#include "client/pull_consumer.hpp"
#include "client/push_consumer.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::client {

template <class T>
using answer_to = std::shared_ptr<std::promise<result<T>>>;
using queue_positions = std::map<message_queue, queue_offset>;

/// Push: subscribe, or with nothing wanted unsubscribe.
struct change_subscription {
    std::string topic;
    std::optional<message_selector> wanted;
};
struct begin_reading {};
/// Commit, leave the group, end. Handlers must have stopped. Answers with the positions; broadcasting: also with those of
/// queues that are away.
struct end_reading {
    answer_to<queue_positions> answer;
};
struct ask_positions {
    answer_to<queue_positions> answer; ///< queues whose first position is not known yet are left out
};
/// Pull.
struct list_queues {
    std::string topic;
    answer_to<std::vector<message_queue>> answer;
};
struct assign_queues {
    std::vector<message_queue> queues;
    seek_target from = seek_target::committed();
    answer_to<std::size_t> answer;
};
struct seek_queue {
    message_queue queue;
    seek_target target = seek_target::committed();
    answer_to<std::size_t> answer;
};
struct ask_position {
    message_queue queue;
    answer_to<queue_offset> answer;
};
struct commit_positions {
    answer_to<std::size_t> answer; ///< how many queues were committed
};
struct ask_committed {
    message_queue queue;
    answer_to<queue_offset> answer;
};
/// A handler thread is through with a message of a tool.
struct directly_consumed {
    std::uint64_t number = 0;
    protocol::direct_result result;
};
/// To itself; `turn` makes all but the latest void.
struct reader_tick {
    std::uint64_t turn = 0;
};

/// A tool's message that no handler was done with after this time is answered for without it: brokers wait for 10 s.
inline constexpr milliseconds direct_consumption_timeout{8'000};

using reader_actor =
    member_listener_actor::extend<caf::reacts_to<change_subscription>, caf::reacts_to<begin_reading>, caf::reacts_to<end_reading>,
                                  caf::reacts_to<ask_positions>, caf::reacts_to<list_queues>, caf::reacts_to<assign_queues>,
                                  caf::reacts_to<seek_queue>, caf::reacts_to<ask_position>, caf::reacts_to<commit_positions>,
                                  caf::reacts_to<ask_committed>, caf::reacts_to<inbox_filled>, caf::reacts_to<directly_consumed>,
                                  caf::reacts_to<reader_tick>>;

struct reader_counters {
    std::atomic<std::uint64_t> messages_done{0};
    std::atomic<std::uint64_t> messages_failed{0};
    std::atomic<std::uint64_t> messages_sent_back{0};
    std::atomic<std::uint64_t> send_backs_failed{0};
    std::atomic<std::uint64_t> pulls{0};
    std::atomic<std::uint64_t> pulls_failed{0};
    std::atomic<std::uint64_t> rebalances{0};
    std::atomic<std::uint64_t> allocations_failed{0};
    std::atomic<std::uint64_t> commits_failed{0};
    std::atomic<std::uint64_t> locks_failed{0};
    std::atomic<std::uint64_t> locks_lost{0};
};

struct reader_options {
    std::string client_id;
    std::string group;
    std::string name_servers; ///< as tools are shown them
    milliseconds request_timeout{3000};
    fetch_options fetch;

    /// False: queues are assigned by the caller (pull consumer), and nothing below is used.
    bool in_group = false;
    message_model model = message_model::clustering;
    consume_from from = consume_from::last_offset;
    timestamp_ms from_time;
    allocation_strategy allocation;
    bool ordered = false;
    std::size_t handler_threads = 1;
    /// Its limit is told to the broker that a message goes back to; none: the group's. `ordered`: the limit is kept here.
    redelivery_policy redelivery;
    /// Failed messages go back to their broker, which delivers them again in the group's retry topic. `ordered`: those that have failed too
    /// often go back, as dead; in a group only.
    bool send_back = false;
    milliseconds commit_interval{5000};
    milliseconds rebalance_interval{20'000};
    /// Broadcasting: where the last run ended; then where queues were when they left the route.
    queue_positions local_offsets;
    std::function<void(const queue_positions&)> save_local; ///< broadcasting: may block; run through the sink, one at a time

    message_selector pull_expression = "*"; ///< pull consumer
};

/// Reads queues for a consumer: pulls ahead within the prefetch window, hands messages to the sink, tracks what is done,
/// commits; in a group also decides with the other members who reads which queue.
///
/// In     change_subscription, begin_reading, ask_positions, end_reading of a push consumer
///        list_queues, assign_queues, seek_queue, ask_position, commit_positions, ask_committed of a pull consumer
///        route_known, membership_changed from the hub; inbox_filled: the sink has left reports
///        forward_to_client -> client_answered    what tools ask of a member: what is it doing, what does its handler say of one message
///        ask_client_status -> client_status_told; adopt_offsets: continue there
///        directly_consumed from handler threads
///        reader_tick to itself, when the next thing is due
/// Out    pull_messages, query_offset, commit_offset, list_group_members, send_message_back, lock_queues and the like to brokers; watch_topic, join_group,
///        suspect_route, suspect_broker to the hub
/// State  one queue_progress per assigned queue (`queue_progress.hpp` decides when to ask)
/// Always 1. A committed offset is never above a message that is not done.
///        2. One pull and one commit per queue are unanswered, and no pull while the window or the span is full.
///        3. A failed message is done when its broker has taken it back; while the broker has not, it comes again from here.
///        4. Ordered, in a group: a queue is read, handed out and committed only while its broker has locked it for this member, and
///           unlocked only when no handler is busy with it.
///        5. Ordered: nothing of a queue is handed out, and it is not unlocked, while a message that failed too often is on its way back.
///        6. A tool's message goes to the handler at most once, moves no offset, and is answered for within direct_consumption_timeout.
///        7. Every order with an answer gets one; orders that an ended reader does not see break their promise.
reader_actor spawn_reader(caf::actor_system& system, reader_options options, hub_actor hub, std::shared_ptr<delivery_sink> sink,
                          std::shared_ptr<report_inbox> reports, std::shared_ptr<reader_counters> counters);

} // namespace troupe::client

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::change_subscription)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::begin_reading)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::end_reading)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::ask_positions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::list_queues)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::assign_queues)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::seek_queue)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::ask_position)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::commit_positions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::ask_committed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::directly_consumed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::client::reader_tick)
