#pragma once

#include "actors/messages/dead_letters.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for dead letters; all of it is Troupe's own.
namespace troupe::actors::net {

TROUPE_WIRE_BOTH(list_dead_letters, dead_letters_listed)
TROUPE_WIRE_BOTH(read_page, page_read)
TROUPE_WIRE_BOTH(resend_dead_letters, dead_letters_resent)

} // namespace troupe::actors::net
