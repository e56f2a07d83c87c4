#include "protocol/pop_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

// Two header fields, one after the other, with a line feed between them.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto end = bytes.find('\n');
    const auto second = end == std::string_view::npos ? std::string_view{} : bytes.substr(end + 1);
    const auto queues = protocol::decode_popped_queues(bytes.substr(0, end), second);
    if (!queues) {
        fuzz::require(queues.code() == errc::protocol_error, "a failure has the documented code");
        return;
    }
    const auto again = protocol::decode_popped_queues(protocol::encode_start_offsets(*queues), protocol::encode_message_offsets(*queues));
    fuzz::require(again.ok(), "what was encoded can be decoded");
    fuzz::require(again->size() == queues->size(), "a round trip loses no queue");
}
