#pragma once

#include "actors/base/wall_clock.hpp"
#include "actors/schedule/delayed_message.hpp"
#include "actors/schedule/timer_message.hpp"
#include "actors/transaction/transaction_table.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/topic_config.hpp"
#include "storage/store_options.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

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

    bool auto_create_topics = false; ///< a send may create a topic; offers the template topic TBW102
    std::int32_t default_topic_queues = 8;
    std::vector<std::chrono::milliseconds> delay_levels = default_delay_levels(); ///< 1 to delay_levels_max
    transaction_rules transactions;                                               ///< age_max is set from the store's retention
    std::size_t transactions_pending_max = 200'000;                               ///< half messages without an outcome; 0: none are taken
    std::chrono::milliseconds timer_horizon = timer_horizon_default; ///< how far ahead a message may be timed; to timer_horizon_max
    bool recall_messages = true;                                     ///< whether producers may take timed messages back
    bool trace_topic = true;                                         ///< whether there is a topic for what clients write when they trace
    storage::timer_store_options timers;
    bool auto_create_groups = true;
    std::size_t topics_max = limits::topics_per_broker_max; ///< those of groups (%RETRY%...) included
    std::size_t groups_max = limits::groups_per_broker_max;

    bool property_filter = true; ///< consumers may filter by SQL92

    std::chrono::milliseconds hold_max{30'000}; ///< longer holds are cut to this
    std::size_t pulls_held_max = 100'000;       ///< over all queues
    std::size_t reads_pending_max = 10'000;
    std::int32_t messages_per_pull_max = 1'024; ///< larger wishes of a pull are cut to this
    std::size_t bytes_per_pull_max = 4u << 20;  ///< likewise
    std::chrono::milliseconds queue_idle{30'000};

    std::size_t pop_leases_per_queue_max = 10'000; ///< of one group: messages that it popped and did not acknowledge; then no new ones
    std::size_t pop_leases_total_max = 1'000'000;  ///< of all groups and queues; above it each group has its share, see pop_book

    std::chrono::milliseconds slow_after{600'000}; ///< a group is slow whose oldest uncommitted message is older; 0: none is
    std::chrono::milliseconds client_expire{120'000};
    std::chrono::milliseconds expire_interval{10'000};
    std::chrono::milliseconds request_deadline{5'000}; ///< for questions between roles; over it the answer is timed_out
    std::chrono::milliseconds finish_deadline{2'000};  ///< stop: at most this long for what is under way in the broker

    std::chrono::milliseconds index_interval{100};
    std::chrono::milliseconds probe_interval{1'000};
    std::chrono::milliseconds retain_interval{10'000};
    std::chrono::milliseconds offset_interval{500}; ///< offsets that came with pulls become durable this often
    std::size_t commits_pending_max = 100'000;
    std::size_t unclaimed_groups_max = limits::unclaimed_groups_max;      ///< groups with offsets and without configuration
    std::chrono::milliseconds offset_expiry{std::chrono::hours{30 * 24}}; ///< of their offsets, when they are not used; 0: they stay

    wall_clock now = system_wall_clock;
};

} // namespace troupe::actors
