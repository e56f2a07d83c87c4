#include "protocol/body_compression.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// The first byte says how the rest is packed.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    if (bytes.empty())
        return;
    const auto how = protocol::compression_of(1 | (bytes.front() & 7) << 8);
    if (!how)
        return;
    constexpr std::size_t bytes_max = 1u << 20;
    const auto body = protocol::unpack_body(*how, bytes.substr(1), bytes_max);
    if (!body)
        return fuzz::require(body.code() == errc::protocol_error, "a body that cannot be unpacked is the peer's fault");
    fuzz::require(body->size() <= bytes_max, "no more than is allowed");
    if (const auto packed = protocol::pack_body(*how, *body))
        fuzz::require(*protocol::unpack_body(*how, *packed, bytes_max) == *body, "what was packed again is the same");
}
