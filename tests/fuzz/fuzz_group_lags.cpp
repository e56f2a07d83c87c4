#include "protocol/lag_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_group_lags, protocol::encode_group_lags);
}
