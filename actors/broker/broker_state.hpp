#pragma once

#include "actors/base/message_filter.hpp"
#include "actors/broker/broker_questions.hpp"
#include "actors/broker/broker_role.hpp"
#include "actors/broker/client_sessions.hpp"
#include "actors/broker/dead_letter_resends.hpp"
#include "actors/broker/lag_rounds.hpp"
#include "actors/broker/live_queues.hpp"
#include "actors/broker/pending_requests.hpp"
#include "actors/broker/progress_reports.hpp"
#include "actors/broker/queue_assigner.hpp"
#include "actors/broker/request_modes.hpp"
#include "actors/broker/retention_rounds.hpp"
#include "actors/broker/running_changes.hpp"
#include "actors/broker/send_encoder.hpp"
#include "actors/broker/throttle.hpp"
#include "actors/group/consumer_groups.hpp"
#include "actors/group/member_notices.hpp"
#include "actors/group/offset_notes.hpp"
#include "actors/group/pending_resets.hpp"
#include "actors/group/producer_groups.hpp"
#include "actors/group/pull_positions.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/schedule/message_return.hpp"
#include "protocol/vocabulary/limits.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The work behind the broker's routing table (broker.hpp says what it promises): one handler for each order, by subject. A handler checks
/// its order against what is known, and hands it on; what is decided or kept over several messages is the matter of the classes that it
/// owns. Only the broker's sources include this.
class broker_state {
public:
    broker_state(broker_role::pointer self, broker_setup setup);
    broker_state(const broker_state&) = delete; // what it owns knows where it is
    broker_state& operator=(const broker_state&) = delete;
    ~broker_state() = default;

    // traffic (broker_traffic.cpp)
    caf::result<messages_stored> handle(const send_messages& order);
    caf::result<messages_pulled> handle(const pull_messages& order);
    void handle(const pull_ticketed& order);
    void handle(const pull_abandoned& order);
    void handle(const records_appended& result);
    void handle(const pull_answered& result);
    void handle(const queue_idle& event);
    void handle(throttle_tick tick);
    caf::result<subscription_checked> handle(const check_subscription& order);

    // topics (broker_topics.cpp)
    caf::result<topic_put> handle(const put_topic& order);
    caf::result<topic_deleted> handle(const delete_topic& order);
    caf::result<topics_listed> handle(const list_topics& order);
    caf::result<topic_described> handle(const describe_topic& order);
    caf::result<offset_found> handle(const find_max_offset& order);
    caf::result<offset_found> handle(const find_min_offset& order);
    caf::result<offset_found> handle(const search_offset& order);
    void handle(const watch_topics& order);

    // groups (broker_groups.cpp)
    caf::result<heartbeat_accepted> handle(const client_heartbeat& order);
    caf::result<client_unregistered> handle(const unregister_client& order);
    caf::result<group_members> handle(const list_group_members& order);
    caf::result<offset_committed> handle(const commit_offset& order);
    caf::result<offset_found> handle(const query_offset& order);
    caf::result<group_put> handle(const put_group& order);
    caf::result<group_deleted> handle(const delete_group& order);
    caf::result<groups_listed> handle(const list_groups& order);
    caf::result<group_described> handle(const describe_group& order);
    void handle(notices_tick);

    // connected clients (broker_members.cpp)
    caf::result<heartbeat_accepted> handle(const remote_heartbeat& order);
    caf::result<messages_stored> handle(const send_reply& order);
    caf::result<consumer_connections_listed> handle(const list_consumer_connections& order);
    caf::result<members_listed> handle(const list_members& order);
    caf::result<producer_connections_listed> handle(const list_producer_connections& order);
    caf::result<producers_listed> handle(const list_producers& order);
    caf::result<topic_readers_listed> handle(const list_topic_readers& order);
    caf::result<group_topics_listed> handle(const list_group_topics& order);
    caf::result<subscription_found> handle(const find_subscription& order);
    caf::result<client_answered> handle(const ask_member& order);
    caf::result<members_status_told> handle(const ask_members_status& order);

    // offsets that operators set (broker_resets.cpp)
    caf::result<offsets_reset> handle(const reset_offsets& order);
    caf::result<offsets_cloned> handle(const clone_offsets& order);
    // failed messages (broker_retry.cpp)
    caf::result<message_sent_back> handle(const send_message_back& order);
    caf::result<messages_stored> handle(const send_retry_message& order);
    // dead letters (broker_dead_letters.cpp)
    caf::result<dead_letters_listed> handle(const list_dead_letters& order);
    caf::result<page_read> handle(const read_page& order);
    caf::result<dead_letters_resent> handle(const resend_dead_letters& order);
    // slow consumers
    caf::result<lags_listed> handle(const list_lags& order) { return lags_.list(order); }
    // one message's way (broker_trace.cpp)
    caf::result<message_traced> handle(const trace_message& order);
    // locks and transactions, for embedded clients (broker_members.cpp)
    caf::result<queues_locked> handle(const lock_queues& order);
    caf::result<queues_unlocked> handle(const unlock_queues& order);
    caf::result<transaction_ended> handle(const end_transaction& order);
    caf::result<transactions_listed> handle(const list_transactions& order);
    caf::result<transaction_resumed> handle(const resume_transaction& order);
    caf::result<transaction_check_sent> handle(const check_transaction& order);

    // pop consumers (broker_pops.cpp)
    void handle(const pop_ticketed& order);
    void handle(const pops_abandoned& order);
    // how groups take messages (broker_modes.cpp)
    caf::result<request_mode_set> handle(const set_request_mode& order);
    caf::result<request_modes_listed> handle(const list_request_modes& order);
    // which queues a client reads (broker_assignments.cpp)
    caf::result<assignment_found> handle(const query_assignment& order);
    void handle(const use_name_servers& order);

    // administration (broker_admin.cpp)
    caf::result<group_config_found> handle(const find_group_config& order);
    // (broker_settings.cpp)
    caf::result<topic_put> handle(const change_topic& order);
    caf::result<topics_put> handle(const change_topics& order);
    caf::result<topic_config_found> handle(const find_topic_config& order);
    caf::result<system_topics_listed> handle(const list_system_topics& order);
    caf::result<groups_put> handle(const put_groups& order);
    caf::result<forbidden_found> handle(const query_forbidden& order);
    caf::result<clean_begun> handle(const clean_store& order);
    // (broker_config_orders.cpp)
    caf::result<broker_config_listed> handle(const list_broker_config& order);
    caf::result<broker_config_changed> handle(const change_broker_config& order);
    // (broker_statistics.cpp)
    caf::result<topic_state_described> handle(const describe_topic_state& order);
    caf::result<group_described> handle(const describe_group_state& order);
    caf::result<consumption_described> handle(const describe_consumption& order);
    caf::result<statistics_viewed> handle(const view_statistics& order);

    // life (broker.cpp)
    caf::result<broker_described> handle(const describe_broker& order);
    void handle(broker_tick tick);
    void handle(const finish& order);
    void handle(const caf::down_msg& event);

    /// Every order comes through here: one that arrives while the broker ends fails at once.
    template <class Order>
    auto serve(const Order& order) -> decltype(this->handle(order)) {
        if (finishing_)
            return make_caf_error(closing());
        return handle(order);
    }

private:
    using continuation = running_changes::continuation;
    static constexpr std::size_t give_backs_max = 128; ///< under way, each with a record of up to 4 MiB; beyond them: busy
    static constexpr std::size_t resets_max = 100'000; ///< queues of groups whose consumers were not told yet
    static constexpr std::size_t modes_max = 100'000;

    static error closing();
    [[nodiscard]] clock_time now() const { return self_->clock().now(); }
    [[nodiscard]] const log_reader_actor& background_reader() const { return setup_.log_readers.back(); }

    // traffic (broker_traffic.cpp)
    void append(const send_messages& order, caf::typed_response_promise<messages_stored> promise);
    /// Sends them to the log writer. Their bytes have been admitted.
    void write(storage::unplaced_records records, pending_requests::append_continuation done);
    [[nodiscard]] result<pull_from_queue> check_pull(const pull_messages& order, std::uint64_t connection);
    [[nodiscard]] forbidden_by who_forbids(const pull_messages& order) const;
    [[nodiscard]] result<message_filter> filter_of(const pull_messages& order, std::uint64_t connection);
    [[nodiscard]] result<message_filter> filter_for(const std::string& topic, const std::string& expression, const std::string& type);
    result<void> forward_pull(const pull_messages& order, std::uint64_t ticket, const ticket_holder_actor& holder,
                              std::uint64_t connection);
    [[nodiscard]] clock_time throttle_deadline(std::int64_t hold_ms) const;
    /// What came of holding a pull or pop back: it is counted, and looked at again in time.
    result<void> note_throttled(result<void> held);
    /// `left`: until its deadline; nothing: that has come.
    void end_throttled(throttled_pull pull, std::optional<std::chrono::milliseconds> left);
    void end_throttled(throttled_pop pop, std::optional<std::chrono::milliseconds> left);
    void arm_throttle();
    void fail_throttled(const error& failure);
    void note_offset(const progress_key& key, queue_offset offset);
    void send_notes();
    queue_actor queue_for(const topic_queue& queue);
    [[nodiscard]] queue_actor spawn_queue_for(const topic_queue& queue, std::uint64_t instance);
    void finish_queues(const finish& order, std::string_view topic);

    // pop consumers (broker_pops.cpp)
    [[nodiscard]] result<checked_pop> check_pop(const pop_messages& order);
    [[nodiscard]] result<void> check_settled(const std::string& topic, const std::string& group) const;
    void forget_popped(const std::string& group, const std::string& topic, continuation next);
    void answer_nothing(const checked_pop& pop);

    // how groups take messages (broker_modes.cpp)
    /// What the group has committed by pulls is done for its pops, too; then `next` is told of the outcome.
    void follow_commits_of(const std::string& group, const std::string& topic, continuation next);
    void store_mode(const request_mode& mode, const std::string& change);
    /// Of what was deleted; an empty name: nothing.
    void forget_modes(const std::string& topic, const std::string& group);

    // failed messages (broker_retry.cpp)
    [[nodiscard]] topic_config topic_for_returned(const std::string& topic, const std::string& group) const;
    void take_back(const send_message_back& order, const payload& record, const continuation& done);
    void store_returned(returned_message returned, const std::string& group, const continuation& done);
    /// Copies take turns among the queues of a topic. Fails with not_permitted when it takes no messages.
    [[nodiscard]] result<topic_queue> choose_queue(const std::string& topic);
    /// Stores what the broker itself has encoded.
    void append_copy(storage::unplaced_records records, continuation done);
    caf::result<messages_stored> send_to_retry_topic(send_messages order, std::optional<std::int32_t> retry_max);
    void store_own_retry(send_messages order, const std::string& group, bool is_dead, caf::typed_response_promise<messages_stored> promise);

    // dead letters (broker_dead_letters.cpp)
    [[nodiscard]] dead_letter_resends::steps resend_steps();

    // topics (broker_topics.cpp)
    [[nodiscard]] result<void> check_queue(const topic_queue& queue) const;
    [[nodiscard]] result<void> check_takes_messages() const;
    [[nodiscard]] result<void> check_topic_config(const topic_config& topic) const;
    void ensure_topic(topic_config topic, continuation done);
    void store_topic(const topic_config& topic, continuation done);
    void drop_index(const std::string& topic, const std::string& change);
    void publish(std::shared_ptr<const topic_snapshot> next);
    [[nodiscard]] result<topic_config> topic_from_template(const send_messages& order) const;

    // settings (broker_settings.cpp)
    [[nodiscard]] result<topic_config> changed_topic(const protocol::topic_change& change) const;
    [[nodiscard]] result<void> check_unchanging(const std::string& what) const;

    // statistics (broker_statistics.cpp)
    void sample_traffic();
    [[nodiscard]] other_counts counted_by_others() const;
    void add_runtime_info(protocol::key_value_table& values) const;
    void add_schedule_info(broker_described described, caf::typed_response_promise<broker_described> promise);

    // groups (broker_groups.cpp)
    [[nodiscard]] result<void> check_group_config(const group_config& group) const;
    void ensure_group(const std::string& group, continuation done);
    void store_group(const group_config& group, continuation done);
    [[nodiscard]] bool may_use_group(const std::string& group) const;
    /// `quiet_too`: also those that want no notices of who joins and leaves.
    void notify(const std::set<std::string>& groups, bool quiet_too = false);
    void tell_members(const std::string& group);
    void arm_notices();
    void tell_differences();
    void keep_offsets_of_users();
    session_number number_of(const client_session_actor& session, const client_origin& origin = {});
    caf::result<heartbeat_accepted> accept(protocol::heartbeat_data data, session_number session, bool with_subscriptions);

    // connected clients (broker_members.cpp)
    [[nodiscard]] protocol::client_connection connection_of(const std::string& client_id, session_number session) const;
    [[nodiscard]] result<session_number> session_of_member(const std::string& group, const std::string& client_id) const;
    void ask_member_client(session_number session, forward_to_client request, caf::typed_response_promise<client_answered> promise);
    void ask_producer(const check_transaction& order, std::vector<session_number> sessions,
                      caf::typed_response_promise<transaction_check_sent> promise);

    // offsets that operators set (broker_resets.cpp)
    void set_offsets(const std::string& group, const std::vector<std::pair<topic_queue, queue_offset>>& offsets, continuation done);
    [[nodiscard]] bool tell_reset(const pull_messages& order, std::uint64_t ticket, const ticket_holder_actor& holder);

    // changes and the end (broker.cpp)
    /// False when there is nothing to do for this caller: another works already, or `done` has been told busy. The request that
    /// carries a change has no deadline, on purpose: a role on the disk that dies ends the broker, so nothing waits for ever.
    bool begin_change(const std::string& what, bool removes, continuation done);
    void end_change(const std::string& what, const error& failure);

    void watch_roles();
    void end_with_role(const caf::actor_addr& address, const caf::error& reason);
    void fail_overdue();
    void fail_everything(const error& failure);
    void end_if_idle();

    // What it is
    broker_role::pointer self_;
    broker_setup setup_;
    clock_time started_;
    std::int64_t started_ms_;                      ///< wall clock
    std::map<caf::actor_addr, std::string> roles_; ///< those below, by name
    bool finishing_ = false;
    clock_time finish_by_;

    // What it has: topics, groups and settings
    std::shared_ptr<const topic_snapshot> topics_; ///< what the directory shows
    std::set<std::string> undropped_;              ///< topics that are deleted, but for their index
    std::size_t system_topics_ = 0;                ///< the broker's own, which count towards no bound
    std::map<caf::actor_addr, topics_watcher_actor> watchers_;
    std::map<std::string, group_config, std::less<>> groups_;
    protocol::data_version groups_version_;
    protocol::data_version config_version_;
    request_modes modes_{modes_max};
    running_changes changes_{limits::changes_per_broker_max};
    clock_time next_forced_retain_; ///< not before, however many ask

    // Who is connected
    client_sessions sessions_;
    consumer_groups members_;
    member_notices notices_;
    bool notices_armed_ = false; ///< a tick is on its way
    producer_groups producers_;
    clock_time next_expire_;
    std::uint64_t next_asked_producer_ = 0; ///< so that the clients of a group take turns

    // What goes through it
    send_encoder encoder_;
    message_filters filters_;
    live_queues queues_;
    throttle throttle_;
    pending_requests pending_;
    std::size_t give_backs_ = 0;      ///< messages that consumers give back, under way
    std::uint64_t next_returned_ = 0; ///< spreads them over the queues of their topic
    pull_positions pull_positions_;
    pending_resets resets_{resets_max};
    offset_notes notes_; ///< commits of pulls

    // Parts that ask others, and go on with the answer
    broker_questions questions_;
    retention_rounds retention_;
    lag_rounds lags_;
    dead_letter_resends resends_;
    queue_assigner assigner_;
    progress_reports progress_;
};

} // namespace troupe::actors
