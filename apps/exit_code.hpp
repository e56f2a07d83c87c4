#pragma once

#include "protocol/vocabulary/errc.hpp"

#include <string_view>

/// What `troupe` returns to its caller. Documented in `troupe --help` and docs/reference/cli.md; never renumber.
namespace troupe::apps {

enum class exit_code : int {
    ok = 0,
    failed = 1,      ///< anything that has no number of its own
    usage = 2,       ///< the command line is wrong
    config = 3,      ///< the configuration is wrong or cannot be read
    unreachable = 4, ///< no name server or broker answers, or not in time; trying again may help
    not_found = 5,   ///< no such topic, group, broker, store or file to send
    damaged = 6,     ///< stored data is damaged or not ours
    conflict = 7,    ///< the name exists, the port is in use, the store is locked
    refused = 8,     ///< not permitted: file permissions, a read-only or full store, a name or message over a limit
};

exit_code exit_code_of(errc code);

/// The table of exit codes for `troupe --help`.
std::string_view exit_code_help();

} // namespace troupe::apps
