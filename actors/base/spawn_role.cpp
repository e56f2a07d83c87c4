#include "actors/base/spawn_role.hpp"

#include <caf/scheduler/test_coordinator.hpp>

namespace troupe::actors {

bool in_virtual_time(caf::actor_system& system) {
    return dynamic_cast<caf::scheduler::test_coordinator*>(&system.scheduler()) != nullptr;
}

} // namespace troupe::actors
