#include "storage/batch_header.hpp"

#include "protocol/checksum.hpp"
#include "protocol/vocabulary/big_endian.hpp"

#include <string>

namespace troupe::storage {

namespace {

// Places of the words; 28 is where a message record has its position too.
constexpr std::size_t at_bytes = 0;
constexpr std::size_t at_magic = 4;
constexpr std::size_t at_checksum = 8;
constexpr std::size_t at_version = 12;
constexpr std::size_t at_epoch = 16;
constexpr std::size_t at_sequence = 20;
constexpr std::size_t at_position = 28;
constexpr std::size_t at_durable = 36;
constexpr std::size_t at_stored = 44;
constexpr std::size_t at_records_bytes = 52;
constexpr std::size_t at_records = 56;
constexpr std::size_t at_reserved = 60;

/// Over everything but the checksum itself.
std::uint32_t checksum_of(std::string_view header) {
    return protocol::crc32(header.substr(at_version), protocol::crc32(header.substr(0, at_checksum)));
}

error corrupt(std::string what) {
    return error{errc::corrupt, "batch header: " + std::move(what)};
}

} // namespace

batch_header_image encode_batch_header(const batch_header& header) {
    batch_header_image image{};
    char* to = image.data();
    store_be(to + at_bytes, static_cast<std::uint32_t>(batch_header_bytes));
    store_be(to + at_magic, batch_header_magic);
    store_be(to + at_version, batch_header_version);
    store_be(to + at_epoch, header.epoch.value());
    store_be(to + at_sequence, header.sequence);
    store_be(to + at_position, header.position.value());
    store_be(to + at_durable, header.durable.value());
    store_be(to + at_stored, header.stored.value());
    store_be(to + at_records_bytes, header.records_bytes);
    store_be(to + at_records, header.records);
    store_be(to + at_reserved, std::uint32_t{0});
    store_be(to + at_checksum, checksum_of({image.data(), image.size()}));
    return image;
}

result<batch_header> decode_batch_header(std::string_view bytes, log_position at) {
    if (bytes.size() < batch_header_bytes)
        return corrupt("only " + std::to_string(bytes.size()) + " bytes of it are there");
    bytes = bytes.substr(0, batch_header_bytes);
    const char* from = bytes.data();
    if (load_be<std::uint32_t>(from + at_bytes) != batch_header_bytes)
        return corrupt("its length word is wrong");
    if (load_be<std::uint32_t>(from + at_magic) != batch_header_magic)
        return corrupt("its magic number is wrong");
    if (load_be<std::uint32_t>(from + at_checksum) != checksum_of(bytes))
        return corrupt("its checksum does not match its bytes");
    if (const auto version = load_be<std::uint32_t>(from + at_version); version != batch_header_version)
        return corrupt("it has version " + std::to_string(version) + ", which this program does not know");
    batch_header header;
    header.epoch = log_epoch{load_be<std::int32_t>(from + at_epoch)};
    header.sequence = load_be<std::int64_t>(from + at_sequence);
    header.position = log_position{load_be<std::int64_t>(from + at_position)};
    header.durable = log_position{load_be<std::int64_t>(from + at_durable)};
    header.stored = timestamp_ms{load_be<std::int64_t>(from + at_stored)};
    header.records_bytes = load_be<std::uint32_t>(from + at_records_bytes);
    header.records = load_be<std::uint32_t>(from + at_records);
    if (header.position != at)
        return corrupt("it belongs at log position " + to_string(header.position));
    if (header.durable > header.position)
        return corrupt("its durable position lies above its own");
    return header;
}

filler_image encode_filler(std::uint32_t rest_bytes) {
    filler_image image{};
    store_be(image.data(), rest_bytes);
    store_be(image.data() + at_magic, filler_magic);
    return image;
}

std::optional<item_words> peek_item(std::string_view bytes) {
    if (bytes.size() < filler_bytes)
        return std::nullopt;
    return item_words{load_be<std::uint32_t>(bytes.data()), load_be<std::uint32_t>(bytes.data() + at_magic)};
}

} // namespace troupe::storage
