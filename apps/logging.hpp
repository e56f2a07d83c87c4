#pragma once

#include "config/node_config.hpp"

namespace troupe::apps {

/// Sends every line that roles write (actors/base/log.hpp) to standard error, through spdlog. Call before the first role is
/// spawned; the lines are whole, whichever thread writes them.
void start_logging(const config::log_config& options);

} // namespace troupe::apps
