#include "protocol/dead_letter_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_dead_letter_queues, protocol::encode_dead_letter_queues);
}
