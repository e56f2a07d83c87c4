#pragma once

#include <caf/fwd.hpp>

#include <string>

namespace troupe::actors {

/// For what is asked through a handle that may stand for more than its role serves. Has `self` refuse what it has no handler for: whoever asks
/// hears at once, as not_supported, that `who` does not serve the order, and its name. What nobody waits for is dropped, and the log says so.
void refuse_unknown_orders(caf::scheduled_actor& self, std::string who);

} // namespace troupe::actors
