#pragma once

#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <memory>

namespace troupe::actors {

struct indexer_options {
    std::shared_ptr<storage::message_store> store;
    std::chrono::milliseconds interval{100};
};

/// Spawns the role that moves index entries from memory to RocksDB.
///
/// In     index_tick   to itself every interval (sooner while there is work left), and from the log writer after much was written
///        finish       writes everything and moves the checkpoint, so that the next start replays nothing; then ends
/// State  the indexer side of the message store (sole caller)
/// Always one piece of bounded work per message: nudges that arrive meanwhile find nothing to do.
/// Blocks on the disk: runs on its own thread.
indexer_actor spawn_indexer(caf::actor_system& system, indexer_options options);

} // namespace troupe::actors
