#include "actors/schedule/timer_message.hpp"
#include "protocol/recall_handle.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    fuzz::check_round_trip(bytes, protocol::decode_recall_handle, protocol::encode_recall_handle, errc::operation_illegal);
    // A broker makes an order to recall the timer of it.
    if (const auto handle = protocol::decode_recall_handle(bytes)) {
        const auto order = actors::make_recall("orders", handle->unique_key, handle->time);
        fuzz::require(actors::timer_facts_of(order.properties).is_recall, "a handle makes an order to recall");
    }
}
