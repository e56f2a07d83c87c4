#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/transaction_room.hpp"
#include "actors/broker/broker_options.hpp"
#include "actors/broker/delivery_book.hpp"
#include "actors/broker/delivery_quotas.hpp"
#include "actors/broker/send_encoder.hpp"
#include "actors/broker/send_quotas.hpp"
#include "actors/group/queue_locks.hpp"
#include "actors/log/message_finder.hpp"
#include "actors/log/record_reader.hpp"
#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/pop/pop_keeper.hpp"
#include "actors/schedule/schedule.hpp"
#include "actors/schedule/timer_keeper.hpp"
#include "actors/transaction/transaction_check.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::storage {
class file_system;
class metadata_store;
} // namespace troupe::storage

namespace troupe::actors {

/// One broker: its stores and all its roles.
///
/// Owns     the message store, the metadata store and the actors on them. Lives as long as the process's broker role.
/// Threads  start and stop from the thread that composes the program; the accessors from anywhere.
/// Always   after stop() everything accepted has been answered and the stores are closed: store() must not be used any more.
class broker_node {
public:
    /// Opens and recovers the stores, then spawns the roles. Blocks while recovery runs. Fails with what the stores fail
    /// with: locked, corrupt, format_unknown, io, disk_full.
    static result<std::unique_ptr<broker_node>> start(caf::actor_system& system, broker_options options,
                                                      std::shared_ptr<storage::file_system> files);
    ~broker_node(); ///< stops if stop() was not called
    broker_node(const broker_node&) = delete;
    broker_node& operator=(const broker_node&) = delete;

    /// `notice` is called once, when the broker has ended: by stop(), or because a role below it did, with the reason. Called on
    /// the thread of an actor; must not wait. stop() is still needed then.
    void on_end(std::function<void(const error&)> notice) const;

    /// Ends the roles in order: the broker with its queues, its neighbours, the transaction check, the schedule, the timer keeper and the pop
    /// keeper, the log writer and flusher, the other keepers, the readers, the indexer. Close the doors (listener, gateway) first. Blocks; not for
    /// the testing scheduler, see finish_order.
    void stop();
    /// The steps of stop() for tests in virtual time: send `finish` to each, in order, and run until it has ended.
    [[nodiscard]] std::vector<caf::actor> finish_order() const;

    [[nodiscard]] const local_broker_actor& broker() const { return broker_; }
    [[nodiscard]] const broker_admin_actor& broker_admin() const { return broker_admin_; }
    [[nodiscard]] const queue_lock_actor& queue_locks() const { return queue_locks_; }
    [[nodiscard]] const message_finder_actor& message_finder() const { return message_finder_; }
    /// Acquire a unit of it before each order to the message finder.
    [[nodiscard]] const std::shared_ptr<admission>& lookup_admission() const { return lookup_admission_; }
    [[nodiscard]] const timer_keeper_actor& timer_keeper() const { return timer_keeper_; }
    /// Acquire a unit of it before each order to the timer keeper.
    [[nodiscard]] const std::shared_ptr<admission>& timer_admission() const { return timer_admission_; }
    [[nodiscard]] const pop_checker_actor& pops() const { return pop_checker_; }
    [[nodiscard]] const pop_keeper_actor& pop_keeper() const { return pop_keeper_; }
    /// Acquire a unit of it before each acknowledge_messages and change_invisible_time to the pop keeper.
    [[nodiscard]] const std::shared_ptr<admission>& pop_admission() const { return pop_admission_; }
    /// Bytes of records that were read for pops and that nobody has sent on.
    [[nodiscard]] const std::shared_ptr<admission>& pop_bytes() const { return pop_bytes_; }
    [[nodiscard]] const broker_members_actor& broker_members() const { return broker_members_; }
    [[nodiscard]] const message_retry_actor& message_back() const { return message_back_; }
    [[nodiscard]] const transaction_check_actor& transactions() const { return transactions_; }
    [[nodiscard]] const log_writer_actor& log_writer() const { return log_writer_; }
    [[nodiscard]] const std::shared_ptr<topic_directory>& directory() const { return directory_; }
    /// Acquire from it the bytes of each append_entry before sending it to the log writer.
    [[nodiscard]] const std::shared_ptr<admission>& append_admission() const { return append_admission_; }
    [[nodiscard]] const std::shared_ptr<broker_metrics>& metrics() const { return metrics_; }
    [[nodiscard]] const std::shared_ptr<traffic_statistics>& traffic() const { return traffic_; }
    [[nodiscard]] const std::shared_ptr<delivery_book>& deliveries() const { return deliveries_; }
    [[nodiscard]] const std::shared_ptr<send_quotas>& quotas() const { return quotas_; }
    [[nodiscard]] const std::shared_ptr<delivery_quotas>& shares() const { return shares_; }
    [[nodiscard]] send_encoder make_encoder() const;
    [[nodiscard]] const broker_options& options() const { return options_; }
    [[nodiscard]] const storage::message_store& store() const { return *store_; }

private:
    explicit broker_node(broker_options options);
    /// What the disk says of how far groups have read.
    struct offsets_start {
        std::vector<std::pair<progress_key, queue_offset>> offsets;
        std::vector<std::pair<std::string, timestamp_ms>> last_seen; ///< groups without configuration
    };
    struct timers_start {
        std::unique_ptr<storage::timer_store> store;
        timer_log_ends ends;
    };
    /// What the disk says of pop consumers.
    struct pop_start {
        std::unique_ptr<storage::pop_store> store;
        std::vector<storage::popped_queue_state> popped;
    };
    /// What the disk says, and the roles begin with.
    struct recovered {
        std::vector<topic_config> topics;
        std::vector<std::string> undropped; ///< deleted topics whose index is still there
        std::vector<group_config> groups;
        std::vector<request_mode> modes;
        offsets_start offsets;
        delay_levels_start levels;
        timers_start timers;
        pop_start pops;
    };
    /// The steps below in their order, as each needs roles of those before it.
    void spawn_roles(const std::shared_ptr<storage::file_system>& files, recovered found);
    void publish_topics(std::vector<topic_config> topics);
    void spawn_log(const std::shared_ptr<storage::file_system>& files);
    void spawn_keepers(offsets_start offsets, const std::vector<group_config>& groups);
    void spawn_neighbours();
    void spawn_delays(delay_levels_start levels);
    void spawn_transactions();
    void spawn_timers(timers_start timers);
    void spawn_pops(pop_start started, const std::vector<group_config>& groups);
    void spawn_broker_role(std::vector<group_config> groups, std::vector<request_mode> modes, std::vector<std::string> undropped);

    broker_options options_;
    std::shared_ptr<storage::message_store> store_;
    std::shared_ptr<storage::metadata_store> metadata_;
    std::shared_ptr<topic_directory> directory_;
    std::shared_ptr<admission> append_admission_;
    std::shared_ptr<admission> read_admission_;
    std::shared_ptr<admission> hold_admission_;
    std::shared_ptr<admission> lookup_admission_;
    std::shared_ptr<transaction_room> transaction_room_;
    std::shared_ptr<admission> timer_admission_;
    std::shared_ptr<admission> pop_admission_;
    std::shared_ptr<admission> pop_bytes_;
    std::shared_ptr<broker_metrics> metrics_;
    std::shared_ptr<traffic_statistics> traffic_;
    std::shared_ptr<delivery_book> deliveries_;
    std::shared_ptr<delivery_quotas> shares_ = std::make_shared<delivery_quotas>();
    std::shared_ptr<group_tries> tries_ = std::make_shared<group_tries>();
    std::shared_ptr<lease_leaders> leaders_ = std::make_shared<lease_leaders>();
    std::shared_ptr<send_quotas> quotas_ = std::make_shared<send_quotas>();
    local_broker_actor broker_;
    broker_admin_actor broker_admin_;
    queue_lock_actor queue_locks_;
    message_finder_actor message_finder_;
    broker_members_actor broker_members_;
    message_retry_actor message_back_;
    log_writer_actor log_writer_;
    indexer_actor indexer_;
    log_flusher_actor log_flusher_; ///< flush mode async
    std::vector<log_reader_actor> log_readers_;
    record_reader_actor record_reader_;   ///< of messages that consumers give back
    record_reader_actor schedule_reader_; ///< what is due does not wait behind those
    schedule_actor schedule_;
    transaction_check_actor transactions_;
    timer_keeper_actor timer_keeper_;
    pop_checker_actor pop_checker_;
    pop_keeper_actor pop_keeper_;
    offset_keeper_actor offset_keeper_;
    metadata_keeper_actor metadata_keeper_;
    caf::actor_system* system_ = nullptr;
    bool stopped_ = false;
};

} // namespace troupe::actors
