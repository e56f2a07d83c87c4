#include "storage/metadata_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

// The first byte says what the rest is: a topic's value, a group's, the key of an offset, the key or value of a mode, or when
// a group was seen.
FUZZ_TARGET(bytes) {
    using namespace troupe;
    if (bytes.empty())
        return;
    const auto value = bytes.substr(1);
    if (bytes[0] == storage::topic_kind) {
        if (const auto topic = storage::decode_topic("t", value))
            fuzz::require(storage::decode_topic("t", storage::encode(*topic)) == topic, "a topic survives a round trip");
    } else if (bytes[0] == storage::group_kind) {
        if (const auto group = storage::decode_group("g", value))
            fuzz::require(storage::decode_group("g", storage::encode(*group)) == group, "a group survives a round trip");
    } else if (bytes[0] == storage::mode_kind) {
        if (const auto mode = storage::decode_mode(bytes, storage::encode(request_mode{{}, {}, true, 7})))
            fuzz::require(storage::key_of(*mode) == bytes, "the key of a mode survives a round trip");
        static_cast<void>(storage::decode_mode(storage::key_of(request_mode{"t", "g"}), value));
    } else if (bytes[0] == storage::offset_kind) {
        if (const auto key = storage::progress_key_of(bytes))
            fuzz::require(storage::key_of(*key) == bytes, "the key of an offset survives a round trip");
        static_cast<void>(storage::decode_offset(bytes, value));
    } else if (bytes[0] == storage::deleted_kind) {
        if (const auto topic = storage::decode_deleted(bytes, storage::encode_deleted()))
            fuzz::require(storage::key_of(storage::deleted_kind, *topic) == bytes, "the key of a deleted topic survives a round trip");
    } else if (bytes[0] == storage::seen_kind) {
        if (const auto seen = storage::decode_seen("sg", value))
            fuzz::require(storage::decode_seen("sg", storage::encode(seen->second)) == seen, "when a group was seen survives a round trip");
    }
}
