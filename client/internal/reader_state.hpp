#pragma once

#include "client/internal/consume_statistics.hpp"
#include "client/internal/queue_locks.hpp"
#include "client/internal/queue_progress.hpp"
#include "client/internal/reader.hpp"
#include "client/internal/subscription_filter.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <set>

namespace troupe::client {

/// A topic that the reader is interested in.
struct topic_interest {
    std::uint64_t generation = 0; ///< answers for an older one are void: the topic was left meanwhile
    subscription_filter filter;
    std::int64_t version = 0;
    bool subscribed = false; ///< in a group: its queues are shared out
    routing_ptr routing;
    std::set<message_queue> known; ///< queues seen since the first share-out; others are new
    bool shared_out = false;
    bool sharing_out = false;
    std::set<std::string> members;                             ///< of the last share-out
    bool share_again = false;                                  ///< another reason came while sharing out
    std::vector<answer_to<std::vector<message_queue>>> askers; ///< who wait for the route
    std::vector<ask_committed> committed_askers;               ///< who wait for it, too
};

/// One question to all brokers of a topic who is in the group; the last answer completes it.
struct member_round {
    std::size_t left = 0;
    std::set<std::string> members;      ///< on any broker
    bool is_whole = false;              ///< one of the brokers has known the group all along
    std::optional<time_point> whole_at; ///< else: when the first of them will count as such
};

/// One commit of several queues; the last answer completes it.
struct commit_round {
    std::size_t left = 0;
    std::size_t count = 0;
    error failure;
    std::function<void(const commit_round&)> done; ///< empty: nobody waits for it
};

/// How far a queue was, by the generation that read it.
struct commit_point {
    std::uint64_t generation = 0;
    queue_offset position;
};

/// A commit of one queue that its broker has not answered for. Of two at once RocketMQ's brokers, which have many threads for them, may take
/// the older one last: so the next one waits, and then says where the queue is by then.
struct open_commit {
    actors::broker_actor broker;                        ///< the queue's topic may be unsubscribed meanwhile, and its route forgotten
    bool again = false;                                 ///< another one is to follow
    std::vector<std::shared_ptr<commit_round>> waiting; ///< who wait for that one
    std::optional<commit_point> last;                   ///< where the queue was when it was given up meanwhile, or somebody began to wait
    std::optional<std::uint64_t> locating;              ///< it came back, and this generation begins where it is committed
};

/// A queue that an ordered member has given up and that is not through yet.
struct leaving_queue {
    queue_progress progress;
    actors::broker_actor broker; ///< its topic may be unsubscribed meanwhile, and its route forgotten
};

/// A tool's message that its handler has not answered for.
struct open_consumption {
    caf::typed_response_promise<actors::client_answered> promise;
    std::shared_ptr<direct_consumption> one;
    time_point deadline;
};

/// State of the reader, split over reader.cpp (orders, time), reader_queue.cpp (one queue), reader_group.cpp (who reads what),
/// reader_locks.cpp (order across members) and reader_asked.cpp (what tools ask).
struct reader_state {
    static inline const char* name = "consumer";
    using pointer = reader_actor::stateful_pointer<reader_state>;

    explicit reader_state(pointer actor) : self{actor} {}

    // reader.cpp
    void handle(const change_subscription& order);
    void handle(const begin_reading&);
    void handle(const end_reading& order);
    void handle(const ask_positions& order);
    void handle(const list_queues& order);
    void handle(const assign_queues& order);
    void handle(const seek_queue& order);
    void handle(const ask_position& order);
    void handle(const commit_positions& order);
    void handle(const ask_committed& order);
    void handle(const inbox_filled&);
    void handle(const reader_tick& tick);
    void handle(const route_known& news);
    void handle(const membership_changed&);
    void read_again(const std::string& topic);
    void query_committed(const ask_committed& order);
    topic_interest& watch(const std::string& topic);
    topic_interest* current(const std::string& topic, std::uint64_t generation);
    void take_reports();
    void work();
    void arm();
    [[nodiscard]] time_point now() const { return self->clock().now(); }
    [[nodiscard]] lock_moment lock_now() const { return lock_moment::at(now()); }
    [[nodiscard]] queue_positions positions() const;
    [[nodiscard]] queue_positions positions_to_keep() const;

    // reader_queue.cpp
    queue_progress& acquire(const message_queue& queue, std::optional<seek_target> target);
    void release(const message_queue& queue);
    void restart(const message_queue& queue, queue_progress& progress, std::optional<seek_target> target);
    actors::broker_actor broker_of(const message_queue& queue);
    queue_progress* current(const message_queue& queue, std::uint64_t generation);
    /// Likewise, also while it is given up and not through yet.
    queue_progress* progress_of(const message_queue& queue, std::uint64_t generation);
    void ask(const message_queue& queue, queue_progress& progress);
    void locate(const message_queue& queue, queue_progress& progress);
    void locate_by_policy(const message_queue& queue, queue_progress& progress);
    template <class Order>
    void locate_by(const message_queue& queue, queue_progress& progress, Order order, bool is_committed);
    void first_position_found(const message_queue& queue, queue_progress& progress, queue_offset found, bool is_committed);
    void start(queue_progress& progress, queue_offset first, bool is_committed);
    void pull(const message_queue& queue, queue_progress& progress);
    void pulled(const message_queue& queue, queue_progress& progress, const actors::messages_pulled& answer);
    void moved(const message_queue& queue, queue_progress& progress, const actors::messages_pulled& answer);
    void take_records(const message_queue& queue, queue_progress& progress, const actors::messages_pulled& answer);
    void asking_failed(const message_queue& queue, std::uint64_t generation, const error& failure);
    void hand_out(const message_queue& queue, queue_progress& progress);
    void hand_out_now(const message_queue& queue, const queue_progress& progress, std::vector<stored_message> messages);
    void take_report(delivery_report report);
    void give_back(const message_queue& queue, std::uint64_t generation, stored_message failed);
    void take_in_order(queue_progress& progress, delivery_report report);
    void taken_back(const message_queue& queue, std::uint64_t generation, const stored_message& failed);
    void not_taken_back(const message_queue& queue, std::uint64_t generation, stored_message failed);
    void deliver_again(queue_progress& progress, stored_message failed);
    void send_back_ended();
    void commit(const std::shared_ptr<commit_round>& round);
    void wait_for_last(const std::shared_ptr<commit_round>& round);
    void save_local();
    void commit_again(const message_queue& queue);
    void commit_one(const message_queue& queue, const queue_progress& progress, const std::shared_ptr<commit_round>& round);
    void commit_last(const message_queue& queue, const queue_progress& progress);
    void send_commit(const message_queue& queue, const actors::broker_actor& broker, const commit_point& point,
                     std::vector<std::shared_ptr<commit_round>> rounds);
    void commit_next(const message_queue& queue, const commit_point& before, const error& outcome);
    [[nodiscard]] std::optional<commit_point> position_to_commit(const message_queue& queue, const open_commit& before) const;
    void commit_ended(const std::vector<std::shared_ptr<commit_round>>& rounds, const error& failure);

    // reader_asked.cpp
    caf::result<actors::client_answered> handle(const actors::forward_to_client& order);
    caf::result<actors::client_status_told> handle(const actors::ask_client_status& order);
    void handle(const actors::adopt_offsets& order);
    void handle(const directly_consumed& event);
    caf::result<actors::client_answered> consume_directly(const actors::forward_to_client& order);
    void give_up_direct();
    void end_direct();
    [[nodiscard]] protocol::running_info running_info() const;
    [[nodiscard]] protocol::held_queue held(const message_queue& queue, const queue_progress& progress) const;

    // reader_locks.cpp
    [[nodiscard]] bool needs_locks() const;
    [[nodiscard]] bool may_read(const message_queue& queue) const;
    [[nodiscard]] bool may_commit(const message_queue& queue, const queue_progress& progress) const;
    [[nodiscard]] actors::broker_actor broker_of_any(const std::vector<message_queue>& queues_of_broker);
    void keep_locks();
    void ask_for_locks(const std::string& broker_name, const queue_locks::request& wanted);
    void locks_lost(const std::vector<message_queue>& lost);
    void locks_granted(const std::vector<message_queue>& granted);
    void note_handlers(const message_queue& queue, const queue_progress& progress);
    void leave(const message_queue& queue, queue_progress progress);
    void handlers_left(const delivery_report& report);
    void commit_and_unlock(const message_queue& queue);
    void unlock(const message_queue& queue);
    void unlock_all(const std::function<void()>& done);

    // reader_group.cpp
    void announce_membership();
    void rebalance();
    void share_out(const std::string& topic, topic_interest& interest);
    void members_told(const std::string& topic, std::uint64_t generation, const std::string& broker_name,
                      const std::vector<std::string>& told, member_round& round);
    void broker_lost(const std::string& broker_name);
    void share_failed(const std::string& topic, std::uint64_t generation);
    void share_ended(const std::string& topic, topic_interest& interest);
    void apply_share(const std::string& topic, std::uint64_t generation, const member_round& round);
    std::optional<std::vector<message_queue>> own_share(const topic_interest& interest);
    void apply_queues(const std::string& topic, topic_interest& interest, const std::vector<message_queue>& share,
                      milliseconds pause = milliseconds{0});
    [[nodiscard]] protocol::consumer_data membership() const;
    [[nodiscard]] bool is_new_queue(const message_queue& queue) const;

    pointer self;
    reader_options options;
    hub_actor hub;
    std::shared_ptr<delivery_sink> sink;
    std::shared_ptr<report_inbox> reports;
    std::shared_ptr<reader_counters> counters;
    std::map<std::string, topic_interest> topics;
    std::map<message_queue, queue_progress> queues;
    std::map<message_queue, open_commit> commits;
    queue_locks locks; ///< ordered members of a group
    /// Ordered: queues given up that a handler is still busy with, or whose last commit is under way; locked until they are through.
    std::map<message_queue, leaving_queue> leaving;
    /// Ordered: queues that are read anew while a handler is still busy with what it got before, by that generation.
    std::map<message_queue, std::uint64_t> draining;
    consume_statistics statistics;
    std::map<std::uint64_t, open_consumption> direct; ///< by number, which is by deadline, too
    std::uint64_t direct_number = 0;
    std::int64_t started_ms = 0; ///< since 1970
    std::uint64_t generations = 0;
    /// Brokers that had forgotten us or were away; and since one has us again: from when on it counts as knowing everybody.
    std::map<std::string, std::optional<time_point>> lost_brokers;
    std::shared_ptr<std::atomic<bool>> saving = std::make_shared<std::atomic<bool>>(false); ///< a save of local offsets is under way
    bool reading = false;
    bool ending = false;
    std::size_t sending_back = 0;              ///< failed messages whose broker has not answered
    std::function<void()> when_none_sent_back; ///< called once none is
    time_point rebalance_due;
    time_point commit_due;
    std::optional<time_point> armed;
    std::uint64_t armed_turn = 0;
};

} // namespace troupe::client
