#pragma once

#include "actors/messages/dead_letters.hpp"
#include "actors/wire/wire.hpp"

/// `wire.hpp` for dead letters; all of it is Troupe's own.
namespace troupe::actors::net {

#define TROUPE_WIRE_BOTH(order, answer)                                                                                                    \
    template <>                                                                                                                            \
    protocol::remoting_command encode_request(const order&);                                                                               \
    template <>                                                                                                                            \
    result<order> decode_request(const protocol::remoting_command&);                                                                       \
    template <>                                                                                                                            \
    protocol::remoting_command encode_answer(const answer&);                                                                               \
    template <>                                                                                                                            \
    result<answer> decode_answer(const protocol::remoting_command&);

TROUPE_WIRE_BOTH(list_dead_letters, dead_letters_listed)
TROUPE_WIRE_BOTH(read_page, page_read)
TROUPE_WIRE_BOTH(resend_dead_letters, dead_letters_resent)

#undef TROUPE_WIRE_BOTH

} // namespace troupe::actors::net
