#include "protocol/pop_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_batch_ack_request, protocol::encode_batch_ack_request);
}
