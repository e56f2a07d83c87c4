#pragma once

#include "actors/messages/internal_roles.hpp"
#include "actors/name_server/kv_config.hpp"

#include <caf/fwd.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <filesystem>
#include <memory>

namespace troupe::storage {
class file_system;
} // namespace troupe::storage

namespace troupe::actors {

/// All of the KV config, to be on disk when it is answered; fails with io and disk_full, and which of the two contents the file
/// has is then unknown.
struct write_kv_config {
    protocol::kv_namespaces namespaces;
    template <class Inspector>
    friend auto inspect(Inspector& f, write_kv_config& x) {
        return f(x.namespaces);
    }
};
struct kv_config_written {
    template <class Inspector>
    friend auto inspect(Inspector& f, kv_config_written&) {
        return f();
    }
};

using kv_keeper_actor = caf::typed_actor<caf::replies_to<write_kv_config>::with<kv_config_written>, caf::reacts_to<finish>>;

/// What the file has; nothing when there is none. Fails with io, and with corrupt when it is no KV config or is beyond the bounds of
/// one. Blocks.
result<kv_config> load_kv_config(storage::file_system& files, const std::filesystem::path& path);

/// Spawns the role that keeps a name server's KV config in one file of RocketMQ's format, replaced as a whole.
///
/// In     write_kv_config -> kv_config_written   when durable; makes missing directories
///        finish                                ends after what was sent before it
/// State  none besides the file; the table is the name server's
/// Blocks on the disk: runs on its own thread.
kv_keeper_actor spawn_kv_keeper(caf::actor_system& system, std::shared_ptr<storage::file_system> files, std::filesystem::path path);

} // namespace troupe::actors
