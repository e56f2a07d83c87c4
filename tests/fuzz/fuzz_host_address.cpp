#include "protocol/message_codec.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto encode = [](const protocol::host_address& host) { return to_string(host); };
    fuzz::check_round_trip(bytes, protocol::parse_host_address, encode, errc::argument_illegal);
}
