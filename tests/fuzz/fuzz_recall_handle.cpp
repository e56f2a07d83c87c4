#include "protocol/recall_handle.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_recall_handle, protocol::encode_recall_handle, errc::operation_illegal);
}
