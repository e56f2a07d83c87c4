#include "protocol/transaction_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_transaction_list, protocol::encode_transaction_list);
}
