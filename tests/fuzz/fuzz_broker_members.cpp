#include "protocol/name_server_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_broker_members, protocol::encode_broker_members);
}
