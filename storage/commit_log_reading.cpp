#include "storage/commit_log.hpp"

#include "protocol/message_codec.hpp"

#include <algorithm>
#include <utility>

/// The part of the commit log that any thread may use.
namespace troupe::storage {

namespace {

constexpr std::size_t merge_gap_bytes = 4u << 10; ///< neighbours so close are read together
constexpr std::size_t merge_bytes_max = 1u << 20; ///< of one disk read
constexpr std::size_t guess_bytes = 4u << 10;     ///< first read when a record's size is not known

error not_there(log_position position) {
    return error{errc::message_not_found, "no record begins at log position " + to_string(position)};
}

error damaged(const segment& in, log_position position, const std::string& reason) {
    return error{errc::corrupt, in.path.string() + ": damaged record at log position " + to_string(position) + ": " + reason};
}

/// Whether `record` is whole and belongs at `position`.
result<void> check_place(const segment& in, log_position position, std::string_view record) {
    if (auto good = protocol::check_record(record); !good)
        return damaged(in, position, good.failure().text);
    if (protocol::record_position(record) != position)
        return damaged(in, position, "record: it does not belong at this log position");
    return {};
}

} // namespace

result<payload> commit_log::read(record_place place) const {
    const auto in = find_segment(*snapshot(), place.position);
    if (!in || place.position + place.bytes > end())
        return not_there(place.position);
    std::string record(place.bytes, '\0');
    auto got = in->file->read_at(in->offset_of(place.position), record);
    if (!got)
        return got.failure();
    record.resize(*got);
    if (auto good = check_place(*in, place.position, record); !good)
        return good.failure();
    return payload{std::move(record)};
}

result<payload> commit_log::read(log_position position) const {
    const auto in = find_segment(*snapshot(), position);
    const auto last = end();
    if (!in || position >= last)
        return not_there(position);
    const auto limit = static_cast<std::size_t>(std::min(in->end(), last) - position);
    std::string record(std::min(guess_bytes, limit), '\0');
    auto got = in->file->read_at(in->offset_of(position), record);
    if (!got)
        return got.failure();
    record.resize(*got);
    // Callers may ask for any position: only what says of itself that it belongs here can be damaged.
    const auto words = peek_item(record);
    const bool is_record = words && (words->magic == protocol::record_magic || words->magic == protocol::record_magic_long_topic) &&
                           record.size() >= protocol::record_bytes_min && protocol::record_position(record) == position;
    if (!is_record || words->bytes < protocol::record_bytes_min || words->bytes > protocol::record_bytes_max || words->bytes > limit)
        return not_there(position);
    if (words->bytes > record.size())
        return read(record_place{position, words->bytes});
    record.resize(words->bytes);
    if (auto good = check_place(*in, position, record); !good)
        return good.failure();
    return payload{std::move(record)};
}

result<std::vector<errc>> commit_log::read_all(std::span<const record_place> places, std::string& out) const {
    const auto segments = snapshot();
    const auto last = end();
    std::vector<errc> outcome(places.size(), errc::none);
    for (std::size_t i = 0; i < places.size();) {
        const auto in = find_segment(*segments, places[i].position);
        if (!in || places[i].position + places[i].bytes > last) {
            outcome[i++] = errc::message_not_found;
            continue;
        }
        std::size_t count = 1;
        auto stop = places[i].position + places[i].bytes;
        for (; i + count < places.size(); ++count) {
            const auto& next = places[i + count];
            const auto next_stop = next.position + next.bytes;
            if (next.position < stop || next.position > stop + static_cast<std::int64_t>(merge_gap_bytes) || next_stop > in->end() ||
                next_stop > last || next_stop - places[i].position > static_cast<std::int64_t>(merge_bytes_max))
                break;
            stop = next_stop;
        }
        if (auto done = read_run(*in, places.subspan(i, count), std::span{outcome}.subspan(i, count), out); !done)
            return done.failure();
        i += count;
    }
    return outcome;
}

result<void> commit_log::read_run(const segment& in, std::span<const record_place> places, std::span<errc> outcome, std::string& out) {
    const auto begin = places.front().position;
    const auto bytes = static_cast<std::size_t>(places.back().position + places.back().bytes - begin);
    const auto start = out.size();
    out.resize(start + bytes);
    auto got = in.file->read_at(in.offset_of(begin), {out.data() + start, bytes});
    if (!got) {
        out.resize(start);
        return got.failure();
    }
    // Good records move together, over the headers between them.
    std::size_t kept = start;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto at = start + static_cast<std::size_t>(places[i].position - begin);
        const bool is_there = at + places[i].bytes <= start + *got;
        const std::string_view record{out.data() + at, places[i].bytes};
        if (!is_there || !check_place(in, places[i].position, record)) {
            outcome[i] = errc::corrupt;
            continue;
        }
        if (kept != at)
            std::copy(record.begin(), record.end(), out.begin() + static_cast<std::ptrdiff_t>(kept));
        kept += record.size();
    }
    out.resize(kept);
    return {};
}

result<scan_summary> commit_log::scan(log_position from, const log_visitor& visitor) const {
    const auto until = end();
    const auto segments = snapshot();
    if (segments->empty())
        return scan_summary{};
    // Below end() everything has been written, so whatever is invalid there is damage.
    return scan_log(*segments, {.from = std::max(from, segments->front()->base), .durable = until, .until = until}, visitor);
}

} // namespace troupe::storage
