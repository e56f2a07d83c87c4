#pragma once

#include <caf/actor_system.hpp>
#include <caf/spawn_options.hpp>

#include <utility>

/// How roles come to life. Only sources include this: it brings CAF's templates along.
namespace troupe::actors {

/// True under CAF's test coordinator, where everything runs on the test's thread and time is moved by the test.
bool in_virtual_time(caf::actor_system& system);

/// Spawns a role that blocks (files, RocksDB): on a thread of its own, but as an ordinary actor in virtual time, because
/// CAF runs detached actors on real threads even there.
template <class Role, class... Arguments>
auto spawn_blocking_role(caf::actor_system& system, Role role, Arguments&&... arguments) {
    if (in_virtual_time(system))
        return system.spawn(role, std::forward<Arguments>(arguments)...);
    return system.spawn<caf::detached>(role, std::forward<Arguments>(arguments)...);
}

} // namespace troupe::actors
