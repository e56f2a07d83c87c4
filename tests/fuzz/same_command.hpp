#pragma once

#include "protocol/remoting_command.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace troupe::fuzz {

inline bool same_command(const protocol::remoting_command& x, const protocol::remoting_command& y) {
    // Not the codec: a header that does not fit the binary form is written as JSON.
    return x.code == y.code && x.from == y.from && x.version == y.version && x.opaque == y.opaque && x.flag == y.flag &&
           x.remark == y.remark && x.fields == y.fields && x.body == y.body;
}

/// A whole frame decodes to something that survives a round trip, or fails with protocol_error.
inline void check_frame(const payload& frame) {
    const auto decoded = protocol::decode_frame(frame);
    if (!decoded) {
        require(decoded.code() == errc::protocol_error, "a failure has the documented code");
        return;
    }
    const auto again = protocol::decode_frame(payload{protocol::encode_frame(*decoded)});
    require(again.ok(), "what was encoded can be decoded");
    require(same_command(*again, *decoded), "a round trip changes nothing");
}

} // namespace troupe::fuzz
