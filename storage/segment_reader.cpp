#include "storage/segment_reader.hpp"

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/big_endian.hpp"

#include <algorithm>
#include <cstring>

namespace troupe::storage {

namespace {

constexpr std::size_t chunk_bytes = 1u << 20;
constexpr std::size_t window_bytes_min = 64u << 10;
constexpr std::size_t magic_offset = 4;

log_item invalid(std::string reason) {
    log_item item;
    item.reason = std::move(reason);
    return item;
}

bool is_magic(std::uint32_t word) {
    return word == batch_header_magic || word == protocol::record_magic || word == protocol::record_magic_long_topic ||
           word == filler_magic;
}

/// The first place at or after `first` in `bytes` where an item's magic word stands. Looks for its first byte with memchr:
/// this passes over whole segments of zeros.
std::size_t find_magic(std::string_view bytes, std::size_t first) {
    constexpr auto none = std::string_view::npos;
    auto item = bytes.find('\xDA', first);
    auto filler = bytes.find('\xCB', first);
    while (item != none || filler != none) {
        auto& next = item < filler ? item : filler;
        if (next + 4 <= bytes.size() && is_magic(load_be<std::uint32_t>(bytes.data() + next)))
            return next;
        next = bytes.find(bytes[next], next + 1);
    }
    return none;
}

bool is_zero(std::string_view bytes) {
    return bytes.empty() || (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

static_assert(batch_header_magic >> 24 == 0xDA && protocol::record_magic >> 24 == 0xDA && protocol::record_magic_long_topic >> 24 == 0xDA &&
              filler_magic >> 24 == 0xCB);

} // namespace

result<std::string_view> segment_reader::bytes_at(log_position position, std::size_t bytes) {
    if (!from_.holds(position))
        return std::string_view{};
    bytes = std::min(bytes, static_cast<std::size_t>(from_.end() - position));
    const bool begins_inside = !buffer_.empty() && position >= buffer_begin_;
    const auto skip = begins_inside ? static_cast<std::size_t>(position - buffer_begin_) : 0;
    if (!begins_inside || skip + bytes > buffer_.size()) {
        const auto wanted = std::min(std::max(bytes, chunk_bytes), static_cast<std::size_t>(from_.end() - position));
        buffer_.resize(wanted);
        buffer_begin_ = position;
        auto got = from_.file->read_at(from_.offset_of(position), buffer_);
        buffer_.resize(got ? *got : 0);
        if (!got)
            return got.failure();
        buffer_is_last_ = buffer_.size() < wanted || position + static_cast<std::int64_t>(wanted) == from_.end();
        return std::string_view{buffer_}.substr(0, bytes);
    }
    return std::string_view{buffer_}.substr(skip, bytes);
}

result<log_item> segment_reader::item_at(log_position position) {
    auto bytes = bytes_at(position, batch_header_bytes);
    if (!bytes)
        return bytes.failure();
    const auto words = peek_item(*bytes);
    if (!words)
        return invalid("the file ends");
    if (words->magic == filler_magic) {
        if (words->bytes != static_cast<std::uint64_t>(from_.end() - position))
            return invalid("filler: its length does not reach the end of the segment");
        log_item item;
        item.what = log_item::kind::filler;
        item.bytes = words->bytes;
        return item;
    }
    if (words->magic == batch_header_magic) {
        auto header = decode_batch_header(*bytes, position);
        if (!header)
            return invalid(header.failure().text);
        log_item item;
        item.what = log_item::kind::batch;
        item.bytes = batch_header_bytes;
        item.batch = *header;
        return item;
    }
    return record_at(position, *words);
}

result<log_item> segment_reader::record_at(log_position position, item_words words) {
    if (words.bytes == 0 && words.magic == 0)
        return invalid("zeros");
    if (words.magic != protocol::record_magic && words.magic != protocol::record_magic_long_topic)
        return invalid("the magic number is neither a record's nor a batch header's");
    if (words.bytes < protocol::record_bytes_min || words.bytes > protocol::record_bytes_max)
        return invalid("record: its length word says " + std::to_string(words.bytes) + " bytes, which no record has");
    // The position is cheap to compare, and random bytes rarely have it: look before a checksum is computed.
    auto first = bytes_at(position, batch_header_bytes);
    if (!first)
        return first.failure();
    if (first->size() < batch_header_bytes || protocol::record_position(*first) != position)
        return invalid("record: it does not belong at this log position");
    auto bytes = bytes_at(position, words.bytes);
    if (!bytes)
        return bytes.failure();
    if (bytes->size() < words.bytes)
        return invalid("record: the segment ends before it does");
    if (auto good = protocol::check_record(*bytes); !good)
        return invalid(good.failure().text);
    log_item item;
    item.what = log_item::kind::record;
    item.bytes = words.bytes;
    item.record = *bytes;
    return item;
}

result<log_position> segment_reader::skip_hole(log_position position) {
    auto data = from_.file->next_data(from_.offset_of(position));
    if (!data)
        return data.failure();
    // An item may begin with zeros that belong to its length word.
    const auto next = from_.base + static_cast<std::int64_t>(*data) + -static_cast<std::int64_t>(magic_offset);
    return std::max(position, next);
}

result<segment_reader::window> segment_reader::window_from(log_position position) {
    if (!buffer_.empty() && position >= buffer_begin_) {
        const auto skip = static_cast<std::size_t>(position - buffer_begin_);
        const bool is_last = buffer_is_last_ && skip <= buffer_.size();
        if (is_last || skip + window_bytes_min <= buffer_.size())
            return window{position, std::string_view{buffer_}.substr(skip)};
    }
    auto begin = skip_hole(position);
    if (!begin)
        return begin.failure();
    auto bytes = bytes_at(*begin, chunk_bytes);
    if (!bytes)
        return bytes.failure();
    return window{*begin, *bytes};
}

result<std::optional<log_position>> segment_reader::find_item(log_position from) {
    log_position at = from;
    while (from_.holds(at)) {
        auto seen = window_from(at);
        if (!seen)
            return seen.failure();
        if (seen->bytes.size() < filler_bytes)
            break;
        const auto found = find_magic(seen->bytes, magic_offset);
        if (found == std::string_view::npos) {
            at = seen->begin + static_cast<std::int64_t>(seen->bytes.size() - (filler_bytes - 1));
            continue;
        }
        at = seen->begin + static_cast<std::int64_t>(found - magic_offset);
        auto item = item_at(at);
        if (!item)
            return item.failure();
        // A filler proves nothing: its 8 bytes have no checksum and may stand in a body.
        if (item->what == log_item::kind::record || item->what == log_item::kind::batch)
            return std::optional{at};
        ++at;
    }
    return std::optional<log_position>{};
}

result<std::optional<batch_header>> segment_reader::last_batch_below(log_position before) {
    log_position high = std::min(before, from_.end());
    while (high > from_.base) {
        const auto low = std::max(from_.base, high + -static_cast<std::int64_t>(chunk_bytes));
        // Headers that begin below `high` may reach over it.
        auto seen = bytes_at(low, static_cast<std::size_t>(high - low) + batch_header_bytes);
        if (!seen)
            return seen.failure();
        const std::string bytes{*seen};
        char magic[4];
        store_be(magic, batch_header_magic);
        for (auto found = bytes.rfind(std::string_view{magic, 4}); found != std::string::npos && found >= magic_offset;
             found = bytes.rfind(std::string_view{magic, 4}, found - 1)) {
            const auto position = low + static_cast<std::int64_t>(found - magic_offset);
            if (position >= before)
                continue;
            if (auto header = decode_batch_header(std::string_view{bytes}.substr(found - magic_offset), position); header)
                return std::optional{*header};
        }
        high = low;
    }
    return std::optional<batch_header>{};
}

result<log_position> segment_reader::end_of_data(log_position from) {
    log_position end = from;
    log_position at = from;
    while (from_.holds(at)) {
        auto data = skip_hole(at);
        if (!data)
            return data.failure();
        at = *data;
        auto bytes = bytes_at(at, chunk_bytes);
        if (!bytes)
            return bytes.failure();
        if (bytes->empty())
            break;
        if (!is_zero(*bytes))
            end = at + static_cast<std::int64_t>(bytes->find_last_not_of('\0') + 1);
        at = at + static_cast<std::int64_t>(bytes->size());
    }
    return end;
}

} // namespace troupe::storage
