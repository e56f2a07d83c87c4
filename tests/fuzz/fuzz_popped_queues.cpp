#include "protocol/pop_bodies.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <array>

// Three header fields, one after the other, with line feeds between them.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    std::array<std::string_view, 3> fields;
    for (auto& field : fields) {
        const auto end = std::min(bytes.find('\n'), bytes.size());
        field = bytes.substr(0, end);
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
    }
    const auto queues = protocol::decode_popped_queues(fields[0], fields[1], fields[2]);
    if (!queues) {
        fuzz::require(queues.code() == errc::protocol_error, "a failure has the documented code");
        return;
    }
    const auto again = protocol::decode_popped_queues(protocol::encode_start_offsets(*queues), protocol::encode_message_offsets(*queues),
                                                      protocol::encode_order_counts(*queues));
    fuzz::require(again.ok(), "what was encoded can be decoded");
    fuzz::require(again->size() == queues->size(), "a round trip loses no queue");
}
