#include "protocol/message_codec.hpp"

namespace troupe::protocol {

namespace {

constexpr char32_t replacement = 0xFFFD; // what Java's decoder puts in the place of bytes that are no UTF-8

/// Takes one character off `text`, which must not be empty.
char32_t next_character(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    if (first < 0x80)
        return first;
    const std::size_t more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 && first < 0xF0 ? 2 : first >= 0xC2 && first < 0xE0 ? 1 : 0;
    if (more == 0 || text.size() < more)
        return replacement;
    char32_t character = first & (0x3Fu >> more);
    for (std::size_t i = 0; i < more; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0) != 0x80)
            return replacement;
        character = (character << 6) | (next & 0x3Fu);
    }
    text.remove_prefix(more);
    return character;
}

} // namespace

std::int32_t tag_hash(std::string_view tag_utf8) {
    std::uint32_t hash = 0;
    while (!tag_utf8.empty()) {
        const char32_t character = next_character(tag_utf8);
        if (character < 0x10000) {
            hash = 31 * hash + static_cast<std::uint32_t>(character);
        } else {
            hash = 31 * hash + (0xD800u + ((static_cast<std::uint32_t>(character) - 0x10000u) >> 10));
            hash = 31 * hash + (0xDC00u + (static_cast<std::uint32_t>(character) & 0x3FFu));
        }
    }
    return static_cast<std::int32_t>(hash);
}

} // namespace troupe::protocol
