#include "storage/manifest_tail.hpp"
#include "tests/fuzz/fuzz_target.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    const auto whole = storage::whole_bytes_of_manifest(bytes);
    fuzz::require(whole <= bytes.size(), "what is whole is there");
    fuzz::require(storage::whole_bytes_of_manifest(bytes.substr(0, whole)) == whole, "what was cut is whole");
    if (const auto note = storage::decode_manifest_note(bytes))
        fuzz::require(storage::encode(*note) == bytes, "a round trip changes nothing");
}
