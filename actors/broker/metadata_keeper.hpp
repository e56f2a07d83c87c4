#pragma once

#include "actors/messages/internal_roles.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace troupe::storage {
class metadata_store;
} // namespace troupe::storage

namespace troupe::actors {

/// Spawns the role that keeps topics, groups and request modes on disk.
///
/// In     put_topic -> topic_put, put_group -> group_put, put_request_mode -> request_mode_put
///                     when durable; fails: io, disk_full
///        forget_deleted_topic   its index is gone, too
///        finish       ends after what was sent before it
/// State  none besides the metadata store; who may change what, and which topics exist, is the broker's decision
/// Blocks on the disk: runs on its own thread.
metadata_keeper_actor spawn_metadata_keeper(caf::actor_system& system, std::shared_ptr<storage::metadata_store> metadata);

} // namespace troupe::actors
