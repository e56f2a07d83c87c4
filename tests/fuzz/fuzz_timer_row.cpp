#include "storage/timer_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

// The state of the store, or the key of a row; what is neither is refused.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    if (const auto state = storage::decode_timer_state(bytes))
        fuzz::require(storage::encode(*state) == bytes, "a state survives a round trip");
    if (const auto key = storage::timer_of_row(bytes))
        fuzz::require(storage::timer_row_key(*key) == bytes, "the key of a timer survives a round trip");
    if (const auto key = storage::timer_of_name_row(bytes))
        fuzz::require(bytes.ends_with(storage::timer_row_key(*key).substr(1)), "the key of a name holds the key of its timer");
    if (const auto timer = storage::decode_timer({}, bytes)) {
        std::string value;
        storage::append_timer_value(value, *timer);
        fuzz::require(value == bytes, "a timer survives a round trip");
    }
}
