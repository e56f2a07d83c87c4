#include "storage/earliest_record.hpp"

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "storage/batch_header.hpp"
#include "storage/file_system.hpp"
#include "storage/segment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace troupe::storage {

namespace {

bool is_record(std::string_view bytes) {
    if (bytes.size() < protocol::record_bytes_min)
        return false;
    const auto magic = load_be<std::uint32_t>(bytes.data() + 4);
    return magic == protocol::record_magic || magic == protocol::record_magic_long_topic;
}

} // namespace

result<timestamp_ms> earliest_stored(file_system& files, const std::filesystem::path& store_directory, log_position log_min) {
    const auto segment = files.open(store_directory / "commitlog" / segment_name(log_min), open_mode::read);
    if (!segment)
        return segment.failure();
    std::array<char, batch_header_bytes + protocol::record_bytes_min> buffer{};
    const auto read = (*segment)->read_at(0, buffer);
    if (!read)
        return read.failure();
    std::string_view bytes{buffer.data(), *read};
    // A segment begins with a batch header, or with a record of a batch that began in the segment before.
    if (!is_record(bytes))
        bytes.remove_prefix(std::min(batch_header_bytes, bytes.size()));
    return is_record(bytes) ? protocol::record_stored(bytes) : timestamp_ms{0};
}

} // namespace troupe::storage
