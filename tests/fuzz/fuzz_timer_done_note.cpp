#include "actors/schedule/timer_message.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(
        bytes, actors::decode_done_note, [](const auto& timers) { return actors::encode_done_note(timers); }, errc::corrupt);
    // Whatever stands in a record among the timers, asking what it says is safe.
    const auto facts = actors::timer_facts_of(bytes);
    fuzz::require(!facts.due || facts.due->value() >= 0, "a timer is due at some time");
    static_cast<void>(actors::timer_due_of(bytes, timestamp_ms{1}, actors::timer_horizon_default));
}
