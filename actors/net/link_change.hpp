#pragma once

#include <cstdint>

namespace troupe::actors::net {

/// What has happened to the connection of a link: it ended, or there is another one after it.
enum class link_change : std::uint8_t { ended, another };

} // namespace troupe::actors::net
