#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// A small JSON tree that remembers where each key and value stood, so that errors can point at it.
namespace troupe::config {

/// Place of a character in a text; both count from 1, columns count bytes.
struct text_position {
    std::size_t line = 1;
    std::size_t column = 1;
    friend bool operator==(const text_position&, const text_position&) = default;
};

enum class json_kind : std::uint8_t { null, boolean, integer, real, string, array, object };

struct json_member;

/// One value of a document. Only the field of its kind is meaningful.
struct json_node {
    json_kind kind = json_kind::null;
    std::int64_t integer = 0;
    double real = 0;
    std::string text; ///< of a string its content; of a number, boolean or null as it is written
    std::vector<json_node> items;
    std::vector<json_member> members; ///< in order, duplicates included
    text_position position;
};

struct json_member {
    std::string key;
    text_position key_position;
    json_node value;
};

/// A syntax error; `text` says what was read and what was expected.
struct json_error {
    text_position position;
    std::string text;
};

/// Bounds of a configuration file: larger or deeper ones are refused.
inline constexpr std::size_t json_bytes_max = 1u << 20;
inline constexpr std::size_t json_depth_max = 16;

/// Reads JSON with // and /* */ comments. On failure `error` is set and the returned node is to be ignored.
/// Never throws. Source of the format: RFC 8259.
json_node parse_json(std::string_view text, std::vector<json_error>& errors);

/// "a string", "a number", ... for messages.
std::string_view describe(json_kind kind);

} // namespace troupe::config
