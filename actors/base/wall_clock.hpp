#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <functional>

namespace troupe::actors {

/// The time of day that goes into records and versions. Deadlines use the actor clock instead. Called from any thread.
using wall_clock = std::function<timestamp_ms()>;

/// The computer's clock.
timestamp_ms system_wall_clock();

} // namespace troupe::actors
