#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace troupe::filter {

/// A number of an expression or a property: whole numbers of 64 bits stay exact, all others are doubles.
using number = std::variant<std::int64_t, double>;

/// Reads a whole text as a number: an optional sign, then decimal digits with at most one point and exponent. Whole numbers
/// beyond 64 bits become doubles. Nothing for any other text, and for one beyond the doubles.
std::optional<number> read_number(std::string_view text);

/// Less than, equal to or greater than 0, as `left` is to `right`. Exact: 9007199254740993 is greater than 9007199254740992.0.
int compare(number left, number right);

/// -number; the smallest whole number becomes a double.
number negated(number value);

} // namespace troupe::filter
