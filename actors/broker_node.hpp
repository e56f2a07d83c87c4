#pragma once

#include "actors/admission.hpp"
#include "actors/internal_roles.hpp"
#include "actors/metrics.hpp"
#include "actors/send_encoder.hpp"
#include "actors/topic_directory.hpp"
#include "storage/store_options.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace troupe::storage {
class file_system;
class metadata_store;
} // namespace troupe::storage

namespace troupe::actors {

/// Everything a broker can be told. Sizes in bytes; every bound is answered with busy when it is reached.
struct broker_options {
    std::string cluster = "DefaultCluster";
    std::string broker_name = "broker-a";
    broker_id id;
    /// The address that clients dial: in records, message ids and the registration.
    protocol::host_address store_host;
    std::string region = "DefaultRegion";
    std::int32_t perm = permission::read_write;

    storage::store_options store;                  ///< `store.directory` must be set
    std::chrono::milliseconds flush_interval{500}; ///< flush mode async: at most this long between syncs
    std::size_t append_pending_bytes_max = 64u << 20;
    std::size_t append_batch_bytes_max = 4u << 20; ///< a group commit is not collected beyond this

    bool auto_create_topics = false; ///< a send or, with TBW102, a route look-up may create a topic
    std::int32_t default_topic_queues = 8;
    bool auto_create_groups = true;

    std::chrono::milliseconds hold_max{30'000}; ///< longer holds are cut to this
    std::size_t pulls_held_max = 100'000;       ///< over all queues
    std::size_t reads_pending_max = 10'000;
    std::size_t bytes_per_pull_max = 4u << 20; ///< larger wishes of a pull are cut to this
    std::chrono::milliseconds queue_idle{30'000};

    std::chrono::milliseconds client_expire{120'000};
    std::chrono::milliseconds expire_interval{10'000};
    std::chrono::milliseconds request_deadline{5'000}; ///< for questions between roles; over it the answer is timed_out

    std::chrono::milliseconds index_interval{100};
    std::chrono::milliseconds probe_interval{1'000};
    std::chrono::milliseconds retain_interval{10'000};
    std::chrono::milliseconds offset_interval{500}; ///< offsets that came with pulls become durable this often
    std::size_t commits_pending_max = 100'000;
};

/// One broker: its stores and all its roles.
///
/// Owns     the message store, the metadata store and the actors on them. Lives as long as the process's broker role.
/// Threads  start and stop from the thread that composes the program; the accessors from anywhere.
/// Always   after stop() the files are closed to other processes and everything accepted has been answered.
class broker_node {
public:
    /// Opens and recovers the stores, then spawns the roles. Blocks while recovery runs. Fails with what the stores fail
    /// with: locked, corrupt, format_unknown, io, disk_full.
    static result<std::unique_ptr<broker_node>> start(caf::actor_system& system, broker_options options,
                                                      std::shared_ptr<storage::file_system> files);
    ~broker_node(); ///< stops if stop() was not called
    broker_node(const broker_node&) = delete;
    broker_node& operator=(const broker_node&) = delete;

    /// Ends the roles in order: the broker with its queues, the log writer, the keepers, the readers, the indexer. Close
    /// the doors (listener, gateway) first. Blocks; not for the testing scheduler, see finish_order.
    void stop();
    /// The steps of stop() for tests in virtual time: send `finish` to each, in order, and run until it has ended.
    [[nodiscard]] std::vector<caf::actor> finish_order() const;

    [[nodiscard]] const local_broker_actor& broker() const { return broker_; }
    [[nodiscard]] const log_writer_actor& log_writer() const { return log_writer_; }
    [[nodiscard]] const std::shared_ptr<topic_directory>& directory() const { return directory_; }
    /// Acquire from it the bytes of each append_entry before sending it to the log writer.
    [[nodiscard]] const std::shared_ptr<admission>& append_admission() const { return append_admission_; }
    [[nodiscard]] const std::shared_ptr<broker_metrics>& metrics() const { return metrics_; }
    [[nodiscard]] send_encoder make_encoder() const;
    [[nodiscard]] const broker_options& options() const { return options_; }
    [[nodiscard]] const storage::message_store& store() const { return *store_; }

private:
    explicit broker_node(broker_options options);
    void spawn_roles(caf::actor_system& system, std::vector<topic_config> topics, std::vector<group_config> groups,
                     std::vector<std::pair<progress_key, queue_offset>> offsets);

    broker_options options_;
    std::shared_ptr<storage::message_store> store_;
    std::shared_ptr<storage::metadata_store> metadata_;
    std::shared_ptr<topic_directory> directory_;
    std::shared_ptr<admission> append_admission_;
    std::shared_ptr<admission> read_admission_;
    std::shared_ptr<admission> hold_admission_;
    std::shared_ptr<broker_metrics> metrics_;
    local_broker_actor broker_;
    log_writer_actor log_writer_;
    indexer_actor indexer_;
    std::vector<log_reader_actor> log_readers_;
    offset_keeper_actor offset_keeper_;
    metadata_keeper_actor metadata_keeper_;
    caf::actor_system* system_ = nullptr;
    bool stopped_ = false;
};

} // namespace troupe::actors
