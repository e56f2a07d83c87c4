#include "protocol/consumer_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_client_config_check, protocol::encode_client_config_check);
}
