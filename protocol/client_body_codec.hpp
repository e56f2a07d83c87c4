#pragma once

#include "protocol/bodies.hpp"
#include "protocol/body_codec.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

/// What the sources of bodies about clients share: enums by name, and subscriptions.
namespace troupe::protocol {

inline constexpr std::array<std::string_view, 3> consume_type_names{"CONSUME_ACTIVELY", "CONSUME_PASSIVELY", "CONSUME_POP"};
inline constexpr std::array<std::string_view, 2> message_model_names{"BROADCASTING", "CLUSTERING"};
// The middle three are deprecated; Java starts by the last offset then.
inline constexpr std::array<std::string_view, 6> consume_from_names{
    "CONSUME_FROM_LAST_OFFSET",  "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
    "CONSUME_FROM_MIN_OFFSET",   "CONSUME_FROM_MAX_OFFSET",
    "CONSUME_FROM_FIRST_OFFSET", "CONSUME_FROM_TIMESTAMP"};

/// The name of `value`, which is one of `names`.
template <class Enum, std::size_t Count>
std::string_view enum_name(const std::array<std::string_view, Count>& names, Enum value) {
    return names.at(static_cast<std::size_t>(value));
}

/// An enum by name (Java, Go) or ordinal (C++); `otherwise` for what is unknown, as fastjson leaves the field alone.
template <class Enum, std::size_t Count>
Enum read_enum(json_reader& json, const std::array<std::string_view, Count>& names, Enum otherwise) {
    std::size_t ordinal = Count;
    if (json.peek() == json_kind::number) {
        const auto number = json.integer<std::int64_t>();
        ordinal = number < 0 ? Count : static_cast<std::size_t>(number);
    } else {
        const auto name = json.text();
        ordinal = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    }
    return ordinal < Count ? static_cast<Enum>(ordinal) : otherwise;
}

consume_from read_consume_from(json_reader& json);

void write_subscription(json_writer& json, const subscription_data& subscription);
/// Tags and their hashes are not read: the expression says the same, and C++ sends hashes that are none.
subscription_data read_subscription(json_reader& json);

} // namespace troupe::protocol
