#pragma once

#include "protocol/vocabulary/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

/// The property string of a message: name 0x01 value 0x02, repeated. Source: reference "remoting-client.md" 2.3, 2.4.
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

/// Fails with property_illegal for an empty or separator-holding name or value (naming it), properties_too_large.
result<std::string> encode_properties(const properties& all);
/// Tolerant as RocketMQ: pairs without separator, with an empty name or value are dropped; the last duplicate wins.
properties decode_properties(std::string_view encoded);
/// One value without decoding all; nullopt when absent.
std::optional<std::string_view> find_property(std::string_view encoded, std::string_view name);

} // namespace troupe::protocol
