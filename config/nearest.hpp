#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// "Did you mean ...?": for keys, values, commands and flags.
namespace troupe::config {

/// Insertions, deletions, replacements and swaps of neighbours that turn `x` into `y`.
std::size_t edit_distance(std::string_view x, std::string_view y);

/// The candidate that a person most likely meant by `written`; empty when none is close (more than a third of its
/// letters, and more than two of them, would have to change). The first of equals wins. Upper and lower case do not differ.
std::string nearest(std::string_view written, const std::vector<std::string>& candidates);

} // namespace troupe::config
