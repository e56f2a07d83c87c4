#include "protocol/batch_codec.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto decode = [](std::string_view body) { return protocol::decode_batch(payload{std::string{body}}); };
    const auto encode = [](const std::vector<protocol::batch_element>& elements) {
        const auto encoded = protocol::encode_batch(elements);
        fuzz::require(encoded.ok(), "what was decoded can be encoded");
        return *encoded;
    };
    fuzz::check_round_trip(bytes, decode, encode, errc::message_illegal);
}
