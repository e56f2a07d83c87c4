#pragma once

#include <string>

namespace troupe::actors::net {

/// docs/reference/requests.md: each request of the wire, who answers it, what a caller must be allowed to do, and whether it
/// is served. Made from `protocol/request_table.hpp` and from what sessions and the gateway have handlers for.
std::string request_reference_page();

} // namespace troupe::actors::net
