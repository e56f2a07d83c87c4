#include "protocol/topic_attributes.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto changes = protocol::parse_attribute_changes(bytes);
    if (!changes) {
        fuzz::require(changes.code() == errc::argument_illegal, "a failure has the documented code");
        return;
    }
    for (const bool is_new : {false, true}) {
        const auto after = protocol::apply_attribute_changes("T", {{"message.type", "FIFO"}}, is_new, *changes);
        if (!after)
            fuzz::require(after.code() == errc::argument_illegal, "a failure has the documented code");
    }
}
