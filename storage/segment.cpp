#include "storage/segment.hpp"

#include "storage/batch_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace troupe::storage {

namespace {

constexpr std::size_t name_digits = 20;

struct listed_segment {
    log_position base;
    std::uint64_t bytes = 0;
    std::filesystem::path path;
};

result<std::vector<listed_segment>> list_segments(file_system& files, const std::filesystem::path& directory) {
    auto entries = files.list(directory);
    if (!entries)
        return entries.failure();
    std::vector<listed_segment> found;
    for (const auto& entry : *entries) {
        const auto path = directory / entry.name;
        const auto base = parse_segment_name(entry.name);
        if (entry.is_directory || !base)
            return error{errc::format_unknown, path.string() + ": this is no segment of a commit log; move it out of the directory"};
        found.push_back({*base, entry.bytes, path});
    }
    std::sort(found.begin(), found.end(), [](const auto& x, const auto& y) { return x.base < y.base; });
    return found;
}

/// The segment's first 64 bytes, fewer if it is shorter.
result<std::string> first_bytes(const file& content) {
    std::array<char, batch_header_bytes> buffer{};
    auto bytes = content.read_at(0, buffer);
    if (!bytes)
        return bytes.failure();
    return std::string{buffer.data(), *bytes};
}

/// Whether nothing was ever written to it: the first thing in a segment is a header.
bool is_unused(std::string_view first) {
    return first.substr(0, filler_bytes).find_first_not_of('\0') == std::string_view::npos;
}

error wrong_length(const listed_segment& found, std::uint64_t wanted_bytes, const std::filesystem::path& next) {
    const std::string sizes = found.path.string() + ": has " + std::to_string(found.bytes) + " bytes, but " + next.filename().string() +
                              " follows " + std::to_string(wanted_bytes) + " bytes after its beginning; ";
    if (found.bytes < wanted_bytes)
        return error{errc::corrupt, sizes + "if it was cut, restore it, or give up what it lost with `truncate -s " +
                                        std::to_string(wanted_bytes) + "` and start again; if a segment between the two is missing, " +
                                        "restore that"};
    return error{errc::corrupt, sizes + "restore the original file, or move the one that does not belong here away"};
}

} // namespace

std::shared_ptr<segment> find_segment(const segment_list& segments, log_position position) {
    auto after = std::upper_bound(segments.begin(), segments.end(), position, [](log_position p, const auto& s) { return p < s->base; });
    if (after == segments.begin() || !(*std::prev(after))->holds(position))
        return nullptr;
    return *std::prev(after);
}

std::string segment_name(log_position base) {
    const std::string digits = std::to_string(base.value());
    return std::string(name_digits - std::min(name_digits, digits.size()), '0') + digits;
}

std::optional<log_position> parse_segment_name(std::string_view name) {
    std::int64_t base = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), base);
    if (name.size() != name_digits || problem != std::errc{} || end != name.data() + name.size() || base < 0)
        return std::nullopt;
    return log_position{base};
}

result<segment_list> open_segments(file_system& files, const std::filesystem::path& directory, std::uint64_t segment_bytes,
                                   open_mode mode) {
    auto listed = list_segments(files, directory);
    if (!listed)
        return listed.failure();
    segment_list segments;
    std::size_t used = 0; ///< segments up to the last one that something was written to
    for (const auto& found : *listed) {
        auto content = files.open(found.path, mode);
        if (!content)
            return content.failure();
        auto first = first_bytes(**content);
        if (!first)
            return first.failure();
        auto opened = std::make_shared<segment>();
        opened->path = found.path;
        opened->base = found.base;
        opened->file = std::move(*content);
        if (auto header = decode_batch_header(*first, found.base); header)
            opened->first_stored_ms = header->stored.value();
        segments.push_back(std::move(opened));
        if (!is_unused(*first))
            used = segments.size();
    }
    // Times never decrease along the log, so the first time that is known of a later segment is not before this one's last.
    std::int64_t next_stored_ms = 0;
    for (auto one = segments.rbegin(); one != segments.rend(); ++one) {
        (*one)->last_stored_ms = next_stored_ms;
        if ((*one)->first_stored_ms != 0)
            next_stored_ms = (*one)->first_stored_ms;
    }
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const auto& found = (*listed)[i];
        if (i + 1 == segments.size()) {
            segments[i]->capacity_bytes = std::max(found.bytes, segment_bytes);
            continue;
        }
        const auto extent = static_cast<std::uint64_t>((*listed)[i + 1].base - found.base);
        const bool may_be_short = i + 1 >= used;
        if (found.bytes > extent || (found.bytes < extent && !may_be_short))
            return wrong_length(found, extent, (*listed)[i + 1].path);
        segments[i]->capacity_bytes = extent;
    }
    return segments;
}

} // namespace troupe::storage
