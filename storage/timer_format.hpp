#pragma once

#include "storage/timer_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Rows of the timers directory: docs/formats/timers.md. Included by sources of `storage/` and by tests.
namespace troupe::storage {

inline constexpr char timer_kind = 't';
inline constexpr char timer_name_kind = 'n';

[[nodiscard]] std::string timer_row_key(const timer_key& key);
/// Nothing: it is the key of another kind of row.
[[nodiscard]] std::optional<timer_key> timer_of_row(std::string_view row_key);
/// The value of a timer's row.
void append_timer_value(std::string& out, const stored_timer& timer);
[[nodiscard]] std::optional<stored_timer> decode_timer(const timer_key& key, std::string_view value);

[[nodiscard]] std::string timer_name_row_key(std::uint64_t name_hash, const timer_key& key);
/// What all rows of a name begin with.
[[nodiscard]] std::string timer_name_prefix(std::uint64_t name_hash);
[[nodiscard]] std::optional<timer_key> timer_of_name_row(std::string_view row_key);

/// What is true of all rows together; written with every change.
struct timer_store_state {
    timer_progress progress;
    std::uint64_t pending = 0;
    timer_key lowest = no_timer_key; ///< no timer is before
    friend bool operator==(const timer_store_state&, const timer_store_state&) = default;
};
[[nodiscard]] std::string encode(const timer_store_state& state);
[[nodiscard]] std::optional<timer_store_state> decode_timer_state(std::string_view value);

} // namespace troupe::storage
