#include "storage/pop_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

// The key or the value of a row; what is neither is refused.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    if (const auto key = storage::popped_queue_of_row(bytes))
        fuzz::require(storage::popped_queue_row_key(*key) == bytes, "the key of a queue survives a round trip");
    if (const auto of = storage::pop_lease_of_row(bytes))
        fuzz::require(storage::pop_lease_row_key(of->first, of->second) == bytes, "the key of a lease survives a round trip");
    if (const auto next = storage::decode_next(bytes))
        fuzz::require(storage::encode_next(*next) == bytes, "an offset survives a round trip");
    if (const auto lease = storage::decode_pop_lease({}, bytes))
        fuzz::require(storage::encode(*lease) == bytes, "a lease survives a round trip");
}
