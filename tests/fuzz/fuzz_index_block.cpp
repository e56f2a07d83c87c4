#include "storage/index_entry.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto entries = storage::decode_block(bytes);
    if (!entries)
        return;
    std::string encoded;
    for (const auto& entry : *entries)
        storage::append_entry(encoded, entry);
    fuzz::require(encoded == bytes, "a round trip changes nothing");
}
