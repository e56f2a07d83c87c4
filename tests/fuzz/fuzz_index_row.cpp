#include "storage/index_rows.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    if (const auto key = storage::parse_block_key(bytes); key && bytes.front() == storage::block_kind)
        fuzz::require(storage::block_key(key->first, key->second) == bytes, "the key of a block survives a round trip");
    constexpr std::size_t transaction_key_bytes = 9;
    if (bytes.size() > transaction_key_bytes) {
        const auto key = bytes.substr(0, transaction_key_bytes);
        const auto value = bytes.substr(transaction_key_bytes);
        if (const auto pending = storage::decode_transaction(key, value))
            fuzz::require(storage::transaction_key(pending->position) + storage::encode_transaction(*pending) == bytes,
                          "a pending transaction survives a round trip");
        if (const auto resumed = storage::decode_resumed(key, value))
            fuzz::require(storage::resumed_key(resumed->given_up) + storage::encode_resumed(*resumed) == bytes,
                          "a resumed transaction survives a round trip");
    }
    const auto row = storage::decode_key_row(bytes);
    if (!row)
        return;
    fuzz::require(!row->entries.empty(), "a row of keys is not empty");
    fuzz::require(24 + 16 * row->entries.size() == bytes.size(), "nothing of a row is left over");
}
