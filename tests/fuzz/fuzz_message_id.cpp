#include "protocol/message_codec.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto encode = [](const auto& place) { return protocol::offset_message_id(place.first, place.second); };
    fuzz::check_round_trip(bytes, protocol::parse_offset_message_id, encode, errc::argument_illegal);
}
