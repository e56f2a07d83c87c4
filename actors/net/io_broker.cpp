#include "actors/net/io_broker.hpp"

#include <utility>

namespace troupe::actors::net {

bool io_broker::cleanup(caf::error&& reason, caf::execution_unit* host) {
    close_all();
    return caf::scheduled_actor::cleanup(std::move(reason), host); // not broker::cleanup: it leaves the mailbox out
}

} // namespace troupe::actors::net
