#pragma once

#include "protocol/vocabulary/result.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// The property string of a message: name 0x01 value 0x02, repeated. Source: RocketMQ's MessageDecoder.
namespace troupe::protocol {

using properties = std::map<std::string, std::string>;

namespace property_name {
inline constexpr std::string_view keys = "KEYS";
inline constexpr std::string_view tags = "TAGS";
inline constexpr std::string_view wait = "WAIT";
inline constexpr std::string_view unique_key = "UNIQ_KEY";
inline constexpr std::string_view sharding_key = "__SHARDINGKEY";
inline constexpr std::string_view checksum = "__CRC32#";
} // namespace property_name

inline constexpr char property_name_end = '\x01';
inline constexpr char property_value_end = '\x02';

/// Whether the text cannot be a name or a value: it holds a byte that ends one.
[[nodiscard]] inline bool holds_property_end(std::string_view text) {
    return text.find(property_name_end) != std::string_view::npos || text.find(property_value_end) != std::string_view::npos;
}

/// Calls `use(name, value)` for every pair that RocketMQ's reader would keep: none without separator, or with an empty name
/// or value. The last of several with one name counts.
template <class Use>
void for_each_property(std::string_view encoded, Use use) {
    while (!encoded.empty()) {
        const auto end = std::min(encoded.find(property_value_end), encoded.size());
        const auto pair = encoded.substr(0, end);
        const auto split = pair.find(property_name_end);
        if (split != std::string_view::npos && split > 0 && split + 1 < pair.size())
            use(pair.substr(0, split), pair.substr(split + 1));
        encoded.remove_prefix(std::min(end + 1, encoded.size()));
    }
}

/// Fails with property_illegal for an empty or separator-holding name or value (naming it), properties_too_large.
result<std::string> encode_properties(const properties& all);
/// Tolerant as for_each_property.
properties decode_properties(std::string_view encoded);
/// One value without decoding all; nullopt when absent.
std::optional<std::string_view> find_property(std::string_view encoded, std::string_view name);

} // namespace troupe::protocol
