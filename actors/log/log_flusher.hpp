#pragma once

#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <memory>

namespace troupe::actors {

struct log_flusher_options {
    std::shared_ptr<storage::message_store> store;
    std::chrono::milliseconds interval{500};
};

/// Spawns the role that syncs the log in flush mode async. The log writer would stop for each sync, and with it every send.
///
/// In     sync_tick   to itself every interval, and from the log writer after much was written
///        finish      ends; the log writer has synced what it wrote last
/// Always a sync that fails turns the store read-only: the log writer refuses from then on, with the store's reason.
/// Blocks on the disk: runs on its own thread.
log_flusher_actor spawn_log_flusher(caf::actor_system& system, log_flusher_options options);

} // namespace troupe::actors
