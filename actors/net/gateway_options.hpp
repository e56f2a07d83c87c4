#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/metrics.hpp"
#include "actors/base/topic_directory.hpp"
#include "actors/base/wall_clock.hpp"
#include "actors/broker/delivery_book.hpp"
#include "actors/broker/delivery_quotas.hpp"
#include "actors/broker/send_encoder.hpp"
#include "actors/broker/send_quotas.hpp"
#include "actors/group/queue_locks.hpp"
#include "actors/log/message_finder.hpp"
#include "actors/log/traffic_statistics.hpp"
#include "actors/messages/broker_admin.hpp"
#include "actors/messages/internal_roles.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/messages/name_server_admin.hpp"
#include "actors/messages/pop_messages.hpp"
#include "actors/schedule/timer_keeper.hpp"
#include "actors/transaction/transaction_check.hpp"

#include <chrono>
#include <cstddef>
#include <memory>

namespace troupe::actors::net {

/// How many orders of people wait for the transaction check; beyond it they are answered busy.
inline constexpr std::size_t transaction_orders_max = 1'000;

/// What a port needs of the broker behind it: where the two hot paths begin, and what they check against.
struct broker_entry {
    local_broker_actor broker;
    log_writer_actor log_writer;
    std::shared_ptr<const topic_directory> topics;
    std::shared_ptr<admission> appends; ///< bytes of records on their way; acquired here, released by the log writer
    std::shared_ptr<broker_metrics> metrics;
    send_encoder encoder; ///< each gateway takes a copy
    broker_admin_actor admin = {};
    queue_lock_actor queue_locks = {};
    message_finder_actor message_finder = {};
    std::shared_ptr<admission> lookups = nullptr; ///< orders under way to the message finder; acquired here, released there
    std::shared_ptr<traffic_statistics> traffic = std::make_shared<traffic_statistics>(); ///< of pulls answered here
    broker_members_actor members = {};
    message_retry_actor message_back = {};
    transaction_actor transactions = {};
    ticketed_transaction_actor decisions = {}; ///< the same role; null: decisions go through sessions
    timers_actor timers = {};
    std::shared_ptr<admission> timer_orders = nullptr; ///< orders under way to the timers; acquired here, released there
    std::shared_ptr<delivery_book> deliveries = std::make_shared<delivery_book>(timestamp_ms{}); ///< of pulls answered here
    wall_clock now = system_wall_clock;
    pop_checker_actor pops = {}; ///< null: no pops are served
    pop_ack_actor pop_acks = {};
    std::shared_ptr<admission> pop_orders = nullptr; ///< acknowledgements under way; acquired here, released there
    std::shared_ptr<send_quotas> quotas = std::make_shared<send_quotas>();
    std::shared_ptr<delivery_quotas> shares = std::make_shared<delivery_quotas>(); ///< of pulls answered here
    /// Orders of people under way to the transaction check: each has its share until it is handled.
    std::shared_ptr<admission> transaction_orders = std::make_shared<admission>(transaction_orders_max);
};

struct gateway_options {
    std::size_t requests_per_connection_max = 4'096; ///< outstanding, held pulls included, one-way sends not; beyond: busy
    std::size_t oneway_requests_pause = 2'048;       ///< one-way sends under way; beyond: their connection is not read from for a while
    std::size_t in_flight_bytes_per_connection_max = 64u << 20; ///< bodies of sends that wait for their answer; beyond: busy
    std::size_t session_requests_max = 1'024;                   ///< of the rarer kinds, per connection, waiting ones included; beyond: busy
    std::size_t session_requests_at_once = 32;                  ///< of those, asked of the roles at the same time; the others wait here
    std::size_t unsent_answer_bytes_max =
        16u << 20; ///< unread by a connection; beyond: pulls are busy, rarer kinds wait, it is asked nothing
    std::chrono::milliseconds request_timeout{10'000}; ///< answered with an error after this long; pulls get their hold time on top
};

/// Which roles a port offers; at least one.
struct gateway_roles {
    std::shared_ptr<const broker_entry> broker; ///< null: no broker behind this port
    name_server_actor name_server;              ///< null: no name server behind this port
    name_server_admin_actor name_server_admin;  ///< the same role: both or none
};

} // namespace troupe::actors::net
