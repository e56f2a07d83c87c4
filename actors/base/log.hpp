#pragma once

#include <functional>
#include <string_view>

/// Where roles write what happens. One line per event, for people; numbers and states also go to `metrics.hpp`.
namespace troupe::actors {

enum class log_level : unsigned char { debug, info, warning, error };
std::string_view to_string_view(log_level level);

/// Called from any thread, also from several at once; must not throw and must not block for long.
using log_sink = std::function<void(log_level, std::string_view text)>;

/// Replaces the sink; without a call, lines of level info and above go to stderr. Call before any role is spawned: the
/// change is not synchronised with roles that are logging. An empty sink restores the default.
void set_log_sink(log_sink sink);

/// Hands one line, without newline, to the sink.
void write_log(log_level level, std::string_view text);

} // namespace troupe::actors
