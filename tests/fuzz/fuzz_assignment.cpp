#include "protocol/pop_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

// The question for an assignment, and its answer.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_assignment_request, protocol::encode_assignment_request);
    fuzz::check_round_trip(bytes, protocol::decode_assignments, protocol::encode_assignments);
}
