#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/transaction_room.hpp"
#include "actors/broker/broker_options.hpp"
#include "actors/broker/delivery_book.hpp"
#include "actors/broker/delivery_quotas.hpp"
#include "actors/broker/send_quotas.hpp"
#include "actors/group/queue_locks.hpp"
#include "actors/log/record_reader.hpp"
#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/pop/pop_keeper.hpp"
#include "actors/schedule/schedule.hpp"
#include "actors/transaction/transaction_check.hpp"

#include <caf/actor.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// What a broker decides over: its options, the roles below it, and what was on disk at the start.
struct broker_setup {
    broker_options options;
    std::shared_ptr<topic_directory> directory; ///< holds the topics; the broker alone publishes to it from now on
    std::shared_ptr<admission> append_admission;
    std::shared_ptr<admission> read_admission;
    std::shared_ptr<admission> hold_admission;
    std::shared_ptr<broker_metrics> metrics;
    std::shared_ptr<traffic_statistics> traffic = std::make_shared<traffic_statistics>(); ///< the broker samples it
    std::shared_ptr<delivery_book> deliveries = std::make_shared<delivery_book>(timestamp_ms{});
    std::shared_ptr<delivery_quotas> shares = std::make_shared<delivery_quotas>(); ///< of groups; the broker sets and asks it
    std::shared_ptr<group_tries> tries = std::make_shared<group_tries>();          ///< holds the groups; the broker keeps it up to date
    std::shared_ptr<const lease_leaders> leaders = std::make_shared<lease_leaders>();
    std::shared_ptr<send_quotas> quotas = std::make_shared<send_quotas>(); ///< the broker sets it, whoever takes sends asks it
    log_writer_actor log_writer;
    std::vector<log_reader_actor> log_readers; ///< at least one
    offset_keeper_actor offset_keeper;
    metadata_keeper_actor metadata_keeper;
    record_reader_actor record_reader;                             ///< null: no message can be given back
    schedule_actor schedule;                                       ///< only watched; null: no delayed message comes back
    transaction_check_actor transactions;                          ///< null: no transaction can be ended
    std::shared_ptr<const transaction_room> room_for_transactions; ///< null: as many half messages as come
    queue_lock_actor queue_locks;                                  ///< null: no queue can be locked
    indexer_actor indexer;                                         ///< only watched
    log_flusher_actor log_flusher;                                 ///< only watched; null in flush mode sync
    std::vector<std::pair<caf::actor, std::string>> neighbours;    ///< roles beside it that are only watched, by name
    std::vector<group_config> groups;
    std::vector<request_mode> modes = {};
    std::vector<std::string> undropped = {}; ///< topics that were deleted, and whose index could not be dropped yet
    pop_keeper_actor pop_keeper = {};        ///< null: no pops are served
};

/// Views of the same actor.
struct spawned_broker {
    local_broker_actor broker;
    broker_admin_actor admin;
    broker_members_actor members;
    message_retry_actor message_back;
    transaction_actor transactions;
    transaction_asker_actor transaction_asker;
    pop_checker_actor pops;
};

/// Spawns the role that decides: which topics, groups and members there are, and who may pull what.
///
/// In     everything of broker_actor (roles.hpp), broker_admin_actor, broker_members_actor, message_retry_actor, transaction_actor,
///        transaction_asker_actor, queue_lock_role and pop_checker_actor;
///        pull_ticketed, pull_abandoned from gateways; watch_topics; use_name_servers of the registrar
///        records_appended, pull_answered   of log writer and queues, for embedded clients; queue_idle of a queue
///        broker_tick, throttle_tick, notices_tick   to itself
///        else        fails with not_supported: what an embedded client asks of other roles
///        finish      answers what is held and under way, then ends; meanwhile every order fails with shutting_down
/// Out    consumers_changed and asked_client_actor's requests to sessions; topics_changed to watchers; work to queues, readers, writer and keepers
/// State  topics (published in the directory), groups, members, producers, offsets that consumers were not told of, live queues,
///        and the sends and pulls of embedded clients
/// Always 1. Topics and groups exist only after they are durable.
///        2. A member whose session ends leaves at once, and the rest of its groups hears of it: at once, or a tenth of a second later when it has just heard of others.
///        3. Every order is answered once, within options.request_deadline (a held pull: plus its hold time).
/// Ends   by finish, and when a role below it ends: what is under way fails with `internal`, then the broker ends too. Which
///        state that role left behind nobody knows; a restart, which recovers it from the disk, is what is known to work.
/// Never blocks: runs on the scheduler.
spawned_broker spawn_broker(caf::actor_system& system, broker_setup setup);

} // namespace troupe::actors
