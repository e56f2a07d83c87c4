#include "storage/batch_header.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include "protocol/vocabulary/big_endian.hpp"

FUZZ_TARGET(bytes) {
    using namespace troupe;
    // The position is part of the header: try the one that the bytes claim, so that decoding gets past it.
    log_position at;
    if (bytes.size() >= storage::batch_header_bytes)
        at = log_position{load_be<std::int64_t>(bytes.data() + 28)};
    const auto header = storage::decode_batch_header(bytes, at);
    if (!header) {
        fuzz::require(header.code() == errc::corrupt, "a failure has the documented code");
        return;
    }
    fuzz::require(header->position == at && header->durable <= at, "the documented relations hold");
    const auto image = storage::encode_batch_header(*header);
    const auto again = storage::decode_batch_header({image.data(), image.size()}, at);
    fuzz::require(again.ok() && *again == *header, "a round trip changes nothing");
}
